import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../lab/host.ts';
import type { Running } from '../lab/process.ts';
import { RouteMonitor } from './route-monitor.ts';
import { agentWith, createNode, staticRoute, until, untilRoutes, wanted } from './support.ts';

const FOUGHT = ['172.20.0.0/16', '2001:db8:20::/48'] as const;
const QUIET = ['172.21.0.0/16', '2001:db8:21::/48'];

/** Does something again and again as fast as it can; prints a line for each time that it found something to do. */
function again(node: Host, command: string): Running {
  return node.spawn('sh', '-c', `while :; do if ${command} 2>/dev/null; then echo done; else echo nothing; fi; done`);
}

for (const subnet of FOUGHT) {
  test(`somebody deletes ${subnet} again and again: repairs slow down, the report says so, and peace brings it back`, async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, { 'a.yaml': staticRoute('fought', [subnet]), 'b.yaml': staticRoute('quiet', QUIET) });
    const monitor = await RouteMonitor.start(node);
    const fighter = again(node, `ip route del ${subnet} proto 201`);
    await agent.waitForResource('fought', ({ ready, reason, message }) => !ready && reason === 'Contested' && message.includes(subnet));
    const { status } = await agent.waitFor(({ status: { drift = [] } }) =>
      drift.some(({ object, count }) => object.includes(subnet) || count > 30),
    );
    assert.ok(
      status.drift?.some(({ count }) => count > 30),
      JSON.stringify(status.drift),
    );
    await until(() => (fighter.stdout.match(/nothing/g)?.length ?? 0) > 100);
    fighter.kill('SIGKILL');
    await untilRoutes(node, wanted([subnet, ...QUIET]));
    await agent.waitForResource('fought', ({ ready }) => ready);
    assert.deepEqual(
      (await monitor.deletions()).filter((prefix) => prefix !== subnet),
      [],
    );
  });
}

test('somebody sets rp_filter again and again: repairs slow down, and the report says so', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await agentWith(lab, { 'a.yaml': staticRoute('loose', ['172.20.0.0/16'], { reversePath: 'Loose' }) });
  const file = '/proc/sys/net/ipv4/conf/eth1/rp_filter';
  const fighter = again(node, `[ $(cat ${file}) = 2 ] && echo 1 >${file}`);
  await agent.waitForResource('loose', ({ ready, reason, message }) => !ready && reason === 'Contested' && message.includes('rp_filter'));
  fighter.kill('SIGKILL');
  await agent.waitForResource('loose', ({ ready }) => ready);
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
});
