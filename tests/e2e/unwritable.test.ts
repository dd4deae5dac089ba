import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentOptions, runFairlead, spawnAgent, startAgent } from '../lab/agent.ts';
import { createNode, ownRoutes, staticRoute, until, untilRoutes, wanted } from './support.ts';

const SUBNETS = ['172.20.0.0/16', '2001:db8:20::/48'];

/** Puts a file where a folder belongs: that stops root, too. */
function block(folder: string): void {
  rmdirSync(folder);
  writeFileSync(folder, '');
}

test('a state folder that cannot be written: routes are in force, the log names the fix once, sysctls are left alone', async () => {
  await using lab = await createNode();
  const [node, options] = [lab.host('node'), agentOptions(lab)];
  block(options.state);
  const agent = await startAgent(node, options);
  agent.write('plain.yaml', staticRoute('plain', SUBNETS));
  agent.write('loose.yaml', staticRoute('loose', ['172.21.0.0/16'], { reversePath: 'Loose' }));
  await untilRoutes(node, wanted([...SUBNETS, '172.21.0.0/16']));
  await agent.waitForResource('loose', ({ ready, message }) => !ready && /could not be stored.*make .* a folder/.test(message));
  assert.equal(agent.resource('plain')?.ready, true);
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '0');
  await until(
    () => /cannot be kept for a restart/.test(agent.log),
    () => agent.log,
  );
  assert.equal(agent.log.match(/cannot be kept for a restart/g)?.length, 1, agent.log);

  rmSync(options.state);
  mkdirSync(options.state);
  await agent.waitForResource('loose', ({ ready }) => ready);
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
});

for (const folder of ['status', 'state'] as const) {
  test(`apply with a ${folder} folder that cannot be written: routes are in force, and it ends with 1 and says so`, async () => {
    await using lab = await createNode();
    const [node, options] = [lab.host('node'), agentOptions(lab)];
    writeFileSync(join(options.manifests, 'plain.yaml'), staticRoute('plain', SUBNETS));
    block(options[folder]);
    const { code, stdout, stderr } = await runFairlead(node, 'apply', options);
    assert.equal(code, 1, stdout);
    const lost =
      folder === 'status' ? 'the report of this node was not written: ' : 'the last good resources cannot be kept for a restart: ';
    assert.match(stderr, new RegExp(`^${lost}.*make .* a folder.*; the changes to the kernel were made all the same$`, 'm'));
    assert.doesNotMatch(stdout, /next try/);
    assert.deepEqual(await ownRoutes(node), wanted(SUBNETS));
  });
}

test('a status folder that cannot be written: routes are in force, the log names the fix, the report comes later', async () => {
  await using lab = await createNode();
  const [node, options] = [lab.host('node'), agentOptions(lab)];
  block(options.status);
  const agent = spawnAgent(node, options);
  agent.write('plain.yaml', staticRoute('plain', SUBNETS));
  await untilRoutes(node, wanted(SUBNETS));
  await until(
    () => /report could not be written.*make .* a folder/.test(agent.log),
    () => agent.log,
  );
  rmSync(options.status);
  await agent.started(undefined);
  await agent.waitForResource('plain', ({ ready }) => ready);
});
