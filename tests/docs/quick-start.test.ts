import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Lab } from '../lab/lab.ts';
import { type Block, blocks, page, ROOT, section } from './markdown.ts';

/** What differs from run to run: process ids, ages, durations, how often `ip route flush` met the restored route, column widths. */
const CHANGING = 's/pid [0-9]+/pid N/; s/[0-9]+ s ago/N s ago/g; s/in [0-9]+ us/in N us/; s/[0-9]+x/Nx/; s/ +/ /g; s/ $//';
/** A command that only looks is repeated until it shows what it should, as a person would look again. */
const LOOKS = /^(ip route show|fairlead status) .*\n$/;
/** A minute, in tenths of a second: it only bounds a run that has failed already. */
const TRIES = 600;

/** Every command, word for word, in one shell in a network of its own. */
test('the quick start of the README does what it says', async () => {
  await using lab = await Lab.create({ hosts: { try: {} }, links: [] });
  const steps = blocks(section(page('README.md').text, '## Five minutes'));
  const commands = steps.filter(({ language }) => language === 'sh');
  const outputs = steps.filter(({ language }) => language === 'text');
  assert.ok(commands.length >= 6 && outputs.length >= 4);
  const output = join(lab.folder, 'output');
  const script = [
    // The agent must not outlive a failure: it would keep the output open.
    `trap 'kill $! 2>/dev/null || true' EXIT\nset -e\ncd '${ROOT}'\nsame() { sed -E '${CHANGING}' ${output} | cmp -s - ${output}.wanted; }`,
    `fail() { echo "wanted:"; cat ${output}.wanted; echo "printed:"; cat ${output}; exit 1; }`,
    ...commands.map((command) =>
      step(
        command,
        outputs.find(({ after }) => after === command),
        output,
      ),
    ),
  ].join('\n');
  const { code, stdout, stderr } = await lab.host('try').run('sh', '-c', script.replaceAll('/tmp/try', join(lab.folder, 'try')));
  assert.equal(code, 0, `${stdout}${stderr}`);
});

/** One block as part of the script: run once, or until its output is what the README shows. */
function step({ text }: Block, shown: Block | undefined, output: string): string {
  // An exit status is part of the output here: `plan` answers 2 when there are changes.
  if (!shown) return text;
  const wanted = `sed -E '${CHANGING}' >${output}.wanted <<'END'\n${shown.text}END`;
  const run = `set +e\n{\n${text}} >${output} 2>&1\nset -e`;
  if (!LOOKS.test(text)) return `${wanted}\n${run}\nsame || fail`;
  return `${wanted}\ntries=0\nwhile :; do\n${run}\nsame && break\ntries=$((tries + 1)); [ $tries -lt ${TRIES} ] || fail\nsleep 0.1\ndone`;
}
