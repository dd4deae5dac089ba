import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PREMISES } from '../lab/cluster/premises.ts';
import { traces } from '../lab/cluster/traces.ts';
import { runChecked } from '../lab/process.ts';

const MAIN = join(import.meta.dirname, '../../tools/cluster/main.ts');
const ROOT = join(import.meta.dirname, '../..');
const ROUTE = `apiVersion: fairlead.dev/v1alpha1
kind: StaticRoute
metadata: {name: on-prem}
spec: {subnets: [${PREMISES.subnet}]}
`;

describe('make cluster', () => {
  const untouched = traces();
  const folder = join(mkdtempSync(join(tmpdir(), 'fairlead-cluster-')), 'cluster');
  const cluster = (command: string) => runChecked('env', [`FAIRLEAD_CLUSTER=${folder}`, process.execPath, MAIN, command]);
  const run = (command: string, args: readonly string[], input = '') => runChecked(join(folder, 'bin', command), args, input);
  before(() => cluster('up'));
  after(async () => {
    await cluster('down');
    rmSync(join(folder, '..'), { recursive: true });
  });

  test('gives three Ready nodes with Fairlead, which follow what is applied', async () => {
    const nodes = await run('kubectl', ['get', 'nodes', '--no-headers', '--label-columns', 'topology.kubernetes.io/zone']);
    assert.deepEqual(
      [...nodes.matchAll(/^(\S+) +Ready .* (\S+)$/gm)].map(([, name, zone]) => `${name} ${zone}`),
      ['n1 a', 'n2 a', 'n3 b'],
    );
    await run('kubectl', ['apply', '-f', '-'], ROUTE);
    await run('kubectl', ['wait', '--for=condition=Ready', '--timeout=60s', 'staticroute/on-prem']);
    for (const node of ['n1', 'n2', 'n3']) await run('on', [node, 'ping', '-c', '1', '-W', '5', PREMISES.address]);
    assert.match(await run('fairlead', ['status']), /on-prem +True +3\/3/);
    assert.match(await run('kubectl', ['fairlead', 'version']), /^fairlead /);
    await run('kubectl', ['apply', '-f', join(ROOT, 'examples/overlay/pool.yaml')]);
    await run('kubectl', ['wait', '--for=condition=Ready', '--timeout=60s', 'overlaypool/default']);
    assert.match(await run('kubectl', ['get', 'nodeoverlayip', 'n3.default']), /192\.168\.101\.2\/24/);
    assert.match(await run('helm', ['list', '--all-namespaces']), /fairlead.*deployed/);
  });

  test('a second time it only says how to use it', async () => {
    const pid = readFileSync(join(folder, 'pid'), 'utf8');
    assert.match(await cluster('up'), new RegExp(`export PATH=${folder}/bin`));
    assert.equal(readFileSync(join(folder, 'pid'), 'utf8'), pid);
  });

  test('it goes without a trace, also when its process was killed', async () => {
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGKILL');
    await cluster('down');
    assert.equal(existsSync(folder), false);
    assert.deepEqual(traces(), untouched);
  });
});
