import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { difference, routingState } from '../../demo/story.ts';
import { addresses, ECHO_PORT, HTTP_PORT, SITE, TOPOLOGY } from '../../demo/topology.ts';
import { type Agent, agentOptions, type ReportedResource, runFairlead, startAgent } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { echoUdp, type HttpAnswer, httpGet, serveHttp, streamUdp } from '../lab/traffic.ts';

const FAMILIES = [4, 6] as const;
const RPF = 'TcpExtIPReversePathFilter';
const DISCOVER = '{discover: {toward: [10.0.0.0/8, "fd00::/8"]}}';

/** A StaticRoute named on-prem for both families of the site; `spec` holds more lines. */
function onPrem(via: string, ...spec: readonly string[]): string {
  const lines = [`subnets: ["${SITE[4]}", "${SITE[6]}"]`, `via: ${via}`, ...spec];
  return `apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: on-prem}\nspec:\n  ${lines.join('\n  ')}\n`;
}

function throughRouter(name: 'gateway' | 'vpn'): string {
  return `{gateways: [${FAMILIES.map((family) => `{address: "${addresses(family)[name]}"}`).join(', ')}]}`;
}

/** A node with an agent whose only manifest is in force. */
async function running(lab: Lab, manifest: string): Promise<Agent> {
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  agent.write('on-prem.yaml', manifest);
  await agent.waitForResource('on-prem', ({ ready }) => ready);
  return agent;
}

/** The node's routes with our mark, both families, blanks made even. */
async function ownRoutes(lab: Lab): Promise<readonly string[]> {
  const texts = await Promise.all(['', '-6 '].map((family) => lab.host('node').ip(`${family}route show proto 201`)));
  return texts.flatMap((text) =>
    text
      .split('\n')
      .map((line) => line.trim().replaceAll(/ +/g, ' '))
      .filter(Boolean),
  );
}

function bodyOf(answer: HttpAnswer): string {
  return 'body' in answer ? answer.body : answer.error;
}

/** The minute only bounds the wait of a run that has already failed. */
async function waitUntil(satisfied: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await satisfied())) {
    assert.ok(performance.now() < deadline, `never came true: ${satisfied}`);
    await sleep(20);
  }
}

describe('a host behind the VPN and the node', () => {
  test('do not reach each other before: rp_filter drops IPv4, the answer to IPv6 leaves by the wrong device', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const [node, onprem] = [lab.host('node'), lab.host('onprem')];
    assert.deepEqual(await onprem.ping(addresses(4).node, { count: 5 }), { sent: 5, received: 0 });
    assert.equal(await node.counter(RPF), 5);

    const wrong = await node.capture('eth0', `icmp6 and dst host ${addresses(6).onprem}`);
    assert.deepEqual(await onprem.ping(addresses(6).node, { count: 5 }), { sent: 5, received: 0 });
    assert.equal((await wrong.stop()).filter((line) => line.includes('echo reply')).length, 5);
  });

  for (const family of FAMILIES) {
    test(`the node's own IPv${family} call leaves by the public device`, async () => {
      await using lab = await Lab.create(TOPOLOGY);
      const [node, onprem] = [lab.host('node'), addresses(family).onprem];
      const devices = ['eth0', 'eth1'];
      const captures = await Promise.all(devices.map((device) => node.capture(device, `tcp and dst host ${onprem}`)));
      assert.match(bodyOf(await httpGet(node, onprem, HTTP_PORT, 500)), /no answer/);
      const [publicSide = [], privateSide = []] = await Promise.all(captures.map((capture) => capture.stop()));
      assert.ok(publicSide.length > 0);
      assert.deepEqual(privateSide, []);
    });

    test(`reach each other with a StaticRoute, IPv${family}, the gateway discovered`, async () => {
      await using lab = await Lab.create(TOPOLOGY);
      const [node, onprem, who] = [lab.host('node'), lab.host('onprem'), addresses(family)];
      await Promise.all([serveHttp(onprem, who.onprem, HTTP_PORT), serveHttp(node, who.node, HTTP_PORT)]);
      const agent = await running(lab, onPrem(DISCOVER));
      const { gateway = '', device } = agent.resource('on-prem') ?? ({} as Partial<ReportedResource>);
      assert.ok(gateway.split(', ').includes(who.gateway), gateway);
      assert.equal(device, 'eth1');
      assert.deepEqual(await onprem.ping(who.node, { count: 5 }), { sent: 5, received: 5 });
      assert.deepEqual(await node.ping(who.onprem, { count: 5 }), { sent: 5, received: 5 });
      assert.equal(bodyOf(await httpGet(node, who.onprem, HTTP_PORT)), `onprem answers ${who.node}`);
      assert.equal(bodyOf(await httpGet(onprem, who.node, HTTP_PORT)), `node answers ${who.onprem}`);
      assert.equal(await node.counter(RPF), 0);
    });
  }

  test('discovery never takes the default route by itself, and says what to do', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    await lab.host('node').ip('route del 10.0.0.0/8');
    const agent = await startAgent(lab.host('node'), agentOptions(lab));
    agent.write('on-prem.yaml', onPrem(DISCOVER));
    await agent.waitForResource('on-prem', ({ reason, message }) => reason === 'NoCoveringRoute' && /via\.gateway/.test(message));
    assert.equal((await ownRoutes(lab)).filter((route) => route.startsWith(SITE[4])).length, 0);
  });
});

describe('tampering is healed', () => {
  const OUTSIDERS: Readonly<Record<string, readonly string[]>> = {
    'a flush': ['route flush proto 201', '-6 route flush proto 201'],
    'a delete': [`route del ${SITE[4]}`, `-6 route del ${SITE[6]}`],
    'another gateway': [
      `route replace ${SITE[4]} via ${addresses(4).vpn} proto 201 metric 4201`,
      `-6 route replace ${SITE[6]} via ${addresses(6).vpn} proto 201 metric 4201`,
    ],
    'a device that goes down and up': ['link set eth1 down', 'link set eth1 up', `addr replace ${addresses(6).node}/64 dev eth1 nodad`],
  };
  for (const [name, commands] of Object.entries(OUTSIDERS)) {
    test(name, async () => {
      await using lab = await Lab.create(TOPOLOGY);
      const node = lab.host('node');
      const agent = await running(lab, onPrem(throughRouter('gateway')));
      const routes = await ownRoutes(lab);
      assert.equal(routes.length, 2, routes.join('\n'));
      for (const command of commands) await node.ip(command);
      const healed = (route: { restoredMicros?: number }) => route.restoredMicros !== undefined;
      const { status } = await agent.waitFor(({ status: { drift = [], resources = [] } }) => {
        return drift.length >= 2 && drift.every(healed) && resources.every((resource) => resource.ready);
      });
      assert.ok(status.drift?.every((entry) => entry.count > 0 && entry.object !== ''));
      assert.deepEqual(await ownRoutes(lab), routes);
      for (const family of FAMILIES) assert.deepEqual(await node.ping(addresses(family).onprem), { sent: 3, received: 3 });
    });
  }
});

describe('the gateway moves', () => {
  test('in place under traffic: no packet is lost, IPv4 and IPv6, there and back', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const [node, onprem, gateway] = [lab.host('node'), lab.host('onprem'), lab.host('gateway')];
    const agent = await running(lab, onPrem(throughRouter('gateway')));
    await Promise.all(FAMILIES.map((family) => echoUdp(onprem, addresses(family).onprem, ECHO_PORT)));
    const streams = await Promise.all(FAMILIES.map((family) => streamUdp(node, addresses(family).onprem, ECHO_PORT)));
    for (const router of ['vpn', 'gateway', 'vpn'] as const) {
      agent.write('on-prem.yaml', onPrem(throughRouter(router)));
      const wanted = addresses(4)[router];
      await agent.waitForResource('on-prem', (resource) => resource.ready && resource.gateway?.includes(wanted) === true);
      await node.ping(addresses(4).onprem, { count: 10 });
    }
    const forwarded = await gateway.counter('IpForwDatagrams');
    assert.ok(forwarded > 0, 'the traffic never went by the first gateway');
    await node.ping(addresses(4).onprem, { count: 10 });
    assert.equal(await gateway.counter('IpForwDatagrams'), forwarded);
    for (const stream of streams) {
      const { sent, lost } = await stream.stop();
      assert.ok(sent > 100, `${sent} packets`);
      assert.deepEqual(lost, []);
    }
  });
});

describe('the gateway vanishes for longer than the grace period', () => {
  test('Withdraw: the routes go, and come back with the gateway', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const agent = await running(lab, onPrem(DISCOVER, 'onMissingGateway: Withdraw'));
    const routes = await ownRoutes(lab);
    await node.ip('route del 10.0.0.0/8');
    await agent.waitForResource('on-prem', ({ reason }) => reason === 'NoCoveringRoute');
    await waitUntil(async () => (await ownRoutes(lab)).length === 1);
    assert.match((await ownRoutes(lab)).join(), new RegExp(`^${SITE[6]} via`), 'the other family has its gateway');

    await node.ip(`route add 10.0.0.0/8 via ${addresses(4).gateway}`);
    await agent.waitForResource('on-prem', ({ ready }) => ready);
    assert.deepEqual(await ownRoutes(lab), routes);
  });

  test('Unreachable: callers get an error at once, and nothing leaves by the default route', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const agent = await running(lab, onPrem(DISCOVER, 'onMissingGateway: Unreachable'));
    await node.ip('route del 10.0.0.0/8');
    await node.ip('-6 route del fd00::/8');
    await waitUntil(async () => (await ownRoutes(lab)).every((route) => route.startsWith('unreachable')));
    assert.equal((await ownRoutes(lab)).length, 2);
    assert.equal(agent.resource('on-prem')?.ready, false);
    const leak = await node.capture('eth0', `host ${addresses(4).onprem} or host ${addresses(6).onprem}`);
    for (const family of FAMILIES) {
      assert.match(bodyOf(await httpGet(node, addresses(family).onprem, HTTP_PORT)), /EHOSTUNREACH|ENETUNREACH/);
    }
    assert.deepEqual(await leak.stop(), []);
  });
});

describe('a route has what its resource says', () => {
  test('metric, mtu and source, also in its packets', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const source = '10.1.0.77';
    await node.ip(`addr add ${source}/32 dev eth1`);
    const spec = [`subnets: ["${SITE[4]}"]`, 'metric: 77', 'mtu: 1400', `source: ${source}`];
    await running(lab, `apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: on-prem}\nspec:\n  ${spec.join('\n  ')}\n`);
    assert.deepEqual(await ownRoutes(lab), [`${SITE[4]} via ${addresses(4).gateway} dev eth1 src ${source} metric 77 mtu 1400`]);
    const capture = await node.capture('eth1', `icmp and src ${source}`);
    await node.ping(addresses(4).onprem, { count: 2 });
    assert.equal((await capture.stop()).length, 2);
  });

  test('reversePath Loose loosens the ingress device alone, and takes it back', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const filters = async () => Promise.all(['all', 'eth0', 'eth1'].map((device) => node.sysctl(`net.ipv4.conf.${device}.rp_filter`)));
    assert.deepEqual(await filters(), ['1', '0', '0']);
    const agent = await running(lab, onPrem(DISCOVER, 'reversePath: Loose'));
    assert.deepEqual(await filters(), ['1', '0', '2']);

    await node.setSysctl('net.ipv4.conf.eth1.rp_filter', 0);
    await waitUntil(async () => (await filters())[2] === '2');

    agent.remove('on-prem.yaml');
    await agent.waitFor(({ status }) => (status.resources ?? []).length === 0);
    await waitUntil(async () => (await filters())[2] === '0');
    assert.deepEqual(await filters(), ['1', '0', '0']);
  });
});

describe('the node stays as it was', () => {
  test('a manifest that would cut it off is refused, the others stay in force', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const agent = await running(lab, onPrem(throughRouter('vpn')));
    const before = await routingState(node);
    const mistakes = { uplink: '203.0.113.0/25', uplink6: '2001:db8:113::/65', private: '10.1.0.0/28' };
    for (const [name, subnet] of Object.entries(mistakes))
      agent.write(
        `${name}.yaml`,
        onPrem(throughRouter('vpn'))
          .replace('on-prem', name)
          .replace(/subnets: .*/, `subnets: ["${subnet}"]`),
      );
    await agent.waitFor(({ status }) => status.resources?.length === 4);
    for (const name of Object.keys(mistakes)) {
      const { ready, reason = '', message = '' } = agent.resource(name) ?? ({} as Partial<ReportedResource>);
      assert.equal(ready, false, name);
      assert.match(reason, /ProtectedPath|GatewayLoop/, message);
    }
    assert.equal(agent.resource('on-prem')?.ready, true);
    assert.deepEqual(difference(before, await routingState(node)), []);
  });

  test('whatever ends the agent, and cleanup leaves nothing', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const node = lab.host('node');
    const before = await routingState(node);
    const first = await running(lab, onPrem(DISCOVER, 'reversePath: Loose'));
    const applied = await routingState(node);
    assert.equal(difference(before, applied).length, 4, difference(before, applied).join('\n'));
    assert.equal((await first.kill('SIGTERM')).code, 0);
    assert.deepEqual(difference(applied, await routingState(node)), []);

    const second = await startAgent(node, first.options);
    assert.equal((await runFairlead(node, 'cleanup', first.options)).code, 1, 'an agent holds the node');
    await second.kill('SIGKILL');
    assert.deepEqual(difference(applied, await routingState(node)), []);

    const cleanup = await runFairlead(node, 'cleanup', first.options);
    assert.equal(cleanup.code, 0, cleanup.stderr);
    assert.match(cleanup.stdout, new RegExp(SITE[4]));
    assert.deepEqual(difference(before, await routingState(node)), []);
    assert.deepEqual(
      readdirSync(lab.folder, { recursive: true }).filter((file) => /nodereport|last-good|sysctl/.test(`${file}`)),
      [],
    );
  });
});
