import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Lab } from '../lab/lab.ts';
import { blocks, page, ROOT, section } from './markdown.ts';
import { sessionScript } from './session.ts';

/** Every command, word for word, in one shell in a network of its own. */
test('the quick start of the README without Kubernetes does what it says', async () => {
  await using lab = await Lab.create({ hosts: { try: {} }, links: [] });
  const steps = blocks(section(page('README.md').text, '## Five minutes without Kubernetes'));
  assert.ok(steps.filter(({ after }) => after !== undefined).length >= 4);
  const script = sessionScript(steps, { folder: lab.folder, cwd: ROOT, looks: /^(ip route show|fairlead status) .*\n$/ });
  const { code, stdout, stderr } = await lab.host('try').run('sh', '-c', script.replaceAll('/tmp/try', join(lab.folder, 'try')));
  assert.equal(code, 0, `${stdout}${stderr}`);
});
