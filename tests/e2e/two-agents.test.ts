import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Agent, agentOptions, runFairlead, spawnAgent, startAgent } from '../lab/agent.ts';
import type { Lab } from '../lab/lab.ts';
import { RouteMonitor } from './route-monitor.ts';
import { agentWith, createNode, ownRoutes, staticRoute, until, untilRoutes, wanted } from './support.ts';

const SUBNETS = ['172.20.0.0/16', '2001:db8:20::/48'];
const LOOSE = { 'a.yaml': staticRoute('a', SUBNETS, { reversePath: 'Loose' }) };

/** Another agent with the same folders, once it says that it waits for the first. */
async function waiting(lab: Lab, first: Agent): Promise<Agent> {
  const second = spawnAgent(lab.host('node'), first.options);
  const words = new RegExp(`agent of node node \\(pid ${first.pid}\\) holds this network namespace: waiting`);
  await until(
    () => words.test(second.log),
    () => second.log,
  );
  return second;
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`a second agent waits for the first, names it, and takes over at ${signal} without touching a route`, async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const first = await agentWith(lab, LOOSE);
    const second = await waiting(lab, first);
    const monitor = await RouteMonitor.start(node);
    assert.equal((await first.kill(signal)).code, signal === 'SIGTERM' ? 0 : 128 + 9);
    await until(
      () => second.log.includes(`is the agent of node node, pid ${second.pid}`),
      () => second.log,
    );
    assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '2');
    assert.deepEqual(await monitor.ownEvents(), []);

    second.write('b.yaml', staticRoute('b', ['172.21.0.0/16']));
    await untilRoutes(node, wanted([...SUBNETS, '172.21.0.0/16']));
    assert.deepEqual(await monitor.deletions(), []);
  });
}

test('what the first agent did meanwhile is no drift to the second, and both may listen on the same address', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const first = await startAgent(node, { ...agentOptions(lab), listen: '127.0.0.1:9410' });
  const second = await waiting(lab, first);
  for (const via of ['10.1.0.2', '10.1.0.3', '10.1.0.4']) {
    first.write('a.yaml', staticRoute('a', ['172.20.0.0/16'], { via: { gateway: via } }));
    await untilRoutes(node, [`172.20.0.0/16 via ${via} dev eth1 metric 4201`]);
  }
  await first.kill('SIGKILL');
  await until(
    () => second.log.includes('metrics and health on http://127.0.0.1:9410'),
    () => second.log,
  );
  second.write('b.yaml', staticRoute('b', ['172.21.0.0/16']));
  const { status } = await second.waitForResource('b', ({ ready }) => ready);
  assert.deepEqual(status.drift, []);
});

test('an agent that waits is healthy and not ready at an address of its own, and ready once it has taken over', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const first = await agentWith(lab, LOOSE);
  const second = spawnAgent(node, { ...first.options, listen: '127.0.0.1:9410' });
  const answer = async (path: string): Promise<string> =>
    (
      await node.run(
        process.execPath,
        '-e',
        `fetch('http://127.0.0.1:9410/${path}').then(async (got) => console.log(await got.text(), got.status))`,
      )
    ).stdout;
  await until(
    async () => (await answer('readyz')) === `not ready: waiting for fairlead agent of node node (pid ${first.pid}) to end\n 503\n`,
  );
  assert.equal(await answer('healthz'), 'ok\n 200\n');
  await first.kill('SIGKILL');
  await until(async () => (await answer('readyz')) === 'ok\n 200\n');
  assert.doesNotMatch(second.log, /EADDRINUSE/);
});

test('each of ten agents in a row takes over from one that was killed', async () => {
  await using lab = await createNode();
  let active = await agentWith(lab, LOOSE);
  const monitor = await RouteMonitor.start(lab.host('node'));
  for (let i = 0; i < 10; i++) {
    const next = await waiting(lab, active);
    await active.kill('SIGKILL');
    await until(
      () => next.log.includes(`is the agent of node node, pid ${next.pid}`),
      () => next.log,
    );
    active = next;
  }
  assert.deepEqual(await monitor.ownEvents(), []);
});

test('of three agents that wait, one takes over, and the others wait for it', async () => {
  await using lab = await createNode();
  const first = await agentWith(lab, LOOSE);
  const others = [await waiting(lab, first), await waiting(lab, first), await waiting(lab, first)];
  await first.kill('SIGKILL');
  const active = () => others.filter(({ log, pid }) => log.includes(`is the agent of node node, pid ${pid}`));
  await until(() => active().length === 1);
  const [winner] = active();
  await until(() => others.every((other) => other === winner || other.log.includes(`pid ${winner?.pid}) holds`)));
  assert.equal(active().length, 1);
});

test('an agent that waits ends at SIGTERM without a change', async () => {
  await using lab = await createNode();
  const first = await agentWith(lab, LOOSE);
  const second = await waiting(lab, first);
  const monitor = await RouteMonitor.start(lab.host('node'));
  await second.kill('SIGTERM');
  assert.doesNotMatch(second.log, /unexpectedly| at .*\.js/);
  assert.equal(first.resource('a')?.ready, true);
  assert.deepEqual(await monitor.ownEvents(), []);
});

for (const command of ['apply', 'cleanup']) {
  test(`${command} refuses beside an agent, and says whom to stop`, async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, LOOSE);
    const monitor = await RouteMonitor.start(node);
    const { code, stderr, stdout } = await runFairlead(node, command, agent.options);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^fairlead agent of node node \\(pid ${agent.pid}\\) .*"kill ${agent.pid}"\\)?\n$`));
    assert.equal(stdout, '');
    assert.deepEqual(await monitor.ownEvents(), []);
    assert.equal(agent.resource('a')?.ready, true);
  });
}

test('plan and status work beside an agent', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await agentWith(lab, LOOSE);
  assert.equal((await runFairlead(node, 'plan', agent.options)).code, 0);
  assert.equal((await runFairlead(node, 'status', agent.options)).code, 0);
});

test('agents of two network namespaces do not hear of each other', async () => {
  await using lab = await createNode();
  const agent = await agentWith(lab, LOOSE);
  const far = lab.host('far');
  const other = spawnAgent(far, agentOptions(lab, 'far'));
  other.write('far.yaml', staticRoute('far', ['172.22.0.0/16'], { via: { gateway: '10.1.0.10' } }));
  await untilRoutes(far, ['172.22.0.0/16 via 10.1.0.10 dev eth1 metric 4201']);
  assert.deepEqual(await ownRoutes(lab.host('node')), wanted(SUBNETS));
  assert.doesNotMatch(agent.log + other.log, /waiting/);
});
