import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFairlead, startAgent } from '../lab/agent.ts';
import { agentWith, createNode, ownRoutes, staticRoute, until } from './support.ts';

const LOOSE = staticRoute('loose', ['172.20.0.0/16'], { reversePath: 'Loose' });

/** The kernel moves the sysctls of a device with its name. */
async function rename(node: { ip(args: string): Promise<string> }, from: string, to: string): Promise<void> {
  for (const command of [`set ${from} down`, `set ${from} name ${to}`, `set ${to} up`]) await node.ip(`link ${command}`);
}

test('a device gets another name while an agent runs: rp_filter is set back when the resource goes', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await agentWith(lab, { 'a.yaml': LOOSE, 'b.yaml': staticRoute('other', ['172.21.0.0/16']) });
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
  await rename(node, 'eth1', 'lan0');
  await agent.waitForResource('loose', ({ ready, device }) => ready && device === 'lan0');
  assert.equal(await node.sysctl('net.ipv4.conf.lan0.rp_filter'), '2');
  agent.remove('a.yaml');
  await until(async () => (await node.sysctl('net.ipv4.conf.lan0.rp_filter')) === '0');
});

test('a device gets another name while no agent runs: cleanup sets rp_filter back, and its old name is another device', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await agentWith(lab, { 'a.yaml': LOOSE });
  await agent.kill('SIGKILL');
  await rename(node, 'eth1', 'lan0');
  await node.ip('link add eth1 type veth peer name eth9');
  await node.setSysctl('net.ipv4.conf.eth1.rp_filter', 2);
  const { code, stdout, stderr } = await runFairlead(node, 'cleanup', agent.options);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /net\.ipv4\.conf\.lan0\.rp_filter = 0/);
  assert.equal(await node.sysctl('net.ipv4.conf.lan0.rp_filter'), '0');
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
  assert.deepEqual(await ownRoutes(node), []);
});

test('an agent in another network namespace does not restore what it did not see, and keeps it', async () => {
  await using lab = await createNode();
  const [node, far] = [lab.host('node'), lab.host('far')];
  const agent = await agentWith(lab, { 'a.yaml': LOOSE });
  await agent.kill('SIGKILL');
  const there = await runFairlead(far, 'cleanup', agent.options);
  assert.equal(there.code, 1);
  assert.match(there.stderr, /of another network namespace.*net\.ipv4\.conf\.eth1\.rp_filter = 0/);
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
  const here = await startAgent(node, agent.options);
  here.remove('a.yaml');
  await until(async () => (await node.sysctl('net.ipv4.conf.eth1.rp_filter')) === '0');
});
