import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentOptions, agentOptions, FAIRLEAD, runFairlead } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import type { Result } from '../lab/process.ts';
import { RouteMonitor } from './route-monitor.ts';
import { agentWith, createNode, ownRoutes, staticRoute, wanted } from './support.ts';

const SUBNETS = ['172.20.0.0/16', '2001:db8:20::/48'];
/** setpriv of util-linux; a child cannot regain what is not in its bounding set. */
const WITHOUT_NET_ADMIN = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];

function without(host: Host, command: string, { manifests, node, status, state }: AgentOptions): Promise<Result> {
  const flags = ['--manifests', manifests, '--node', node, '--status', status, '--state', state];
  const [first = '', ...rest] = WITHOUT_NET_ADMIN;
  return host.run(first, ...rest, FAIRLEAD, command, ...flags);
}

for (const command of ['agent', 'apply', 'cleanup']) {
  test(`${command} without NET_ADMIN: one line that names it and the fix, and nothing is touched`, async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, { 'a.yaml': staticRoute('a', SUBNETS) });
    await agent.kill('SIGKILL');
    const monitor = await RouteMonitor.start(node);
    const { code, stderr } = await without(node, command, agent.options);
    assert.equal(code, 1);
    assert.match(stderr, /^[^\n]*NET_ADMIN[^\n]*root[^\n]*securityContext[^\n]*\n$/);
    assert.deepEqual(await monitor.ownEvents(), []);
  });
}

test('plan needs no NET_ADMIN', async () => {
  await using lab = await createNode();
  const [node, options] = [lab.host('node'), agentOptions(lab)];
  await node.check('sh', '-c', `echo '${staticRoute('a', SUBNETS).trim()}' >${options.manifests}/a.yaml`);
  const { code, stdout, stderr } = await without(node, 'plan', options);
  assert.equal(code, 2, stderr);
  assert.match(stdout, /\+ 172\.20\.0\.0\/16 via 10\.1\.0\.1 dev eth1/);
  assert.equal(stderr, '');
  assert.deepEqual(await ownRoutes(node), []);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the agent with 0 and leaves its routes`, async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, { 'a.yaml': staticRoute('a', SUBNETS, { reversePath: 'Loose' }) });
    const monitor = await RouteMonitor.start(node);
    const { code, stderr } = await agent.kill(signal);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.deepEqual(await ownRoutes(node), wanted(SUBNETS));
    assert.deepEqual(await monitor.ownEvents(), []);
    assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
    // The agent's last report still says what is in force.
    assert.equal(agent.resource('a')?.ready, true);
    assert.equal((await runFairlead(node, 'plan', agent.options)).code, 0);
  });
}

const WRONG_USAGE: Readonly<Record<string, readonly [args: readonly string[], message: RegExp]>> = {
  'no command': [[], /./],
  'an unknown command': [['agnet'], /no command "agnet".*--help/],
  'an unknown flag': [['agent', '--manifest', '/tmp'], /--manifest.*--help/],
  'a flag without its value': [['agent', '--manifests'], /--manifests/],
  'no folder': [['agent'], /--manifests DIR/],
  'an operand too many': [['agent', '/tmp'], /"\/tmp"/],
  'a prefix that is none': [['agent', '--manifests', '/tmp', '--protect', '10.0.0.1/8'], /--protect.*10\.0\.0\.0\/8/],
  'an address that is none': [['agent', '--manifests', '/tmp', '--listen', 'here'], /--listen here.*ADDR:PORT/],
  'an unknown format': [['plan', '--manifests', '/tmp', '-o', 'xml'], /xml.*json/],
};

test('wrong usage ends with 64 and says what is right', async (t) => {
  await using lab = await createNode();
  for (const [name, [args, message]] of Object.entries(WRONG_USAGE)) {
    await t.test(name, async () => {
      const { code, stdout, stderr } = await lab.host('node').run(FAIRLEAD, ...args);
      assert.equal(code, 64);
      assert.match(stderr + stdout, message);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }
});

test('an address of metrics that is taken ends the agent with 1 and one line', async () => {
  await using lab = await createNode();
  const { manifests, status, state } = agentOptions(lab);
  const flags = ['--manifests', manifests, '--status', status, '--state', state, '--listen', '192.0.2.1:9'];
  const { code, stderr } = await lab.host('node').run(FAIRLEAD, 'agent', ...flags);
  assert.equal(code, 1);
  assert.match(stderr, /^--listen 192\.0\.2\.1:9: .*choose another address\n$/);
});
