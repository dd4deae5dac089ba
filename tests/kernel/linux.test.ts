import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { DeviceRef, Route, RouteSpec } from '../../src/core/route.ts';
import { KernelUnavailable } from '../../src/kernel/kernel.ts';
import { openLinuxKernel } from '../../src/kernel/linux/kernel.ts';
import { Namespace } from './namespace.ts';

const HANG = { timeout: 60_000 };

describe('the real kernel beyond the contract', HANG, () => {
  let space: Namespace;
  let device: DeviceRef;

  beforeEach(async () => {
    await space?.close();
    space = await Namespace.create();
    device = await space.addLink('left');
    await space.addAddress('left', '10.1.0.1/24');
    await space.addAddress('left', '2001:db8:1::1/64');
  });
  after(() => space.close());

  test('what `ip` says about our routes', async () => {
    await add([
      via('172.16.0.0/24', '10.1.0.2', { mtu: 1400, source: Address.parse('10.1.0.1') }),
      via('172.16.1.0/24', undefined, { metric: 77 }),
      { prefix: Prefix.parse('172.16.2.0/24'), spec: { ...base(), type: 'unreachable', hops: [] } },
      via('2001:db8:70::/48', '2001:db8:1::2', { mtu: 1400 }),
    ]);
    const words = async (family: string): Promise<readonly string[]> =>
      (await space.ip(family, 'route', 'show', 'proto', '201'))
        .split('\n')
        .flatMap((line) => (line.trim() ? [line.trim().replace(/ +/g, ' ')] : []));
    assert.deepEqual(await words('-4'), [
      '172.16.0.0/24 via 10.1.0.2 dev left src 10.1.0.1 metric 4201 mtu 1400',
      '172.16.1.0/24 dev left scope link metric 77',
      'unreachable 172.16.2.0/24 metric 4201',
    ]);
    assert.deepEqual(await words('-6'), ['2001:db8:70::/48 via 2001:db8:1::2 dev left metric 4201 mtu 1400 pref medium']);
  });

  test('carrier loss keeps gateway routes; the link says so', async () => {
    const route = via('172.16.0.0/24', '10.1.0.2');
    await add([route]);
    await space.kernel.observe();
    const woken = news();
    await space.setLinkUp('left-far', false);
    while ((await space.kernel.observe()).facts.links.find(({ name }) => name === 'left')?.carrier) await woken;
    assert.equal((await space.kernel.observe()).owned.like(route), route);
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('routes on a next hop object vanish with it, without a notification of their own', async () => {
    await space.ip('nexthop', 'add', 'id', '7', 'via', '10.1.0.2', 'dev', 'left');
    await space.ip('route', 'add', '172.16.0.0/24', 'nhid', '7', 'proto', '201', 'metric', '4201');
    const route = via('172.16.0.0/24', '10.1.0.2');
    assert.ok((await space.kernel.observe()).owned.like(route));
    const woken = news();
    await space.ip('nexthop', 'del', 'id', '7');
    await woken;
    assert.equal((await space.kernel.observe()).owned.like(route), undefined);
    assert.deepEqual(events(), ['LinkDown 172.16.0.0/24']);
  });

  test('a foreign IPv6 next hop that joins our route is seen apart from ours, and stays when ours is removed', async () => {
    const route = via('2001:db8:70::/48', '2001:db8:1::2');
    await add([route]);
    await space.ip('-6', 'route', 'append', '2001:db8:70::/48', 'via', '2001:db8:1::3', 'dev', 'left', 'metric', '4201');
    const { facts, owned } = await space.kernel.observe();
    assert.equal(owned.like(route), route);
    const joined = facts.routes.find(({ prefix }) => prefix.text === '2001:db8:70::/48');
    assert.deepEqual(
      joined?.spec.hops.map(({ gateway }) => gateway?.text),
      ['2001:db8:1::3'],
    );
    assert.deepEqual(events(), []);

    const restarted = openLinuxKernel({ netns: `/run/netns/${space.name}` });
    const found = (await restarted.observe()).owned.like(route);
    restarted.close();
    assert.deepEqual(
      found?.spec.hops.map(({ gateway }) => gateway?.text),
      ['2001:db8:1::2'],
    );

    const uncovered = news();
    assert.deepEqual(await space.kernel.apply([{ op: 'remove-route', route }]), []);
    await uncovered;
    const after = await space.kernel.observe();
    assert.equal(after.owned.size, 0);
    const [left, ...others] = after.facts.routes.filter(({ prefix }) => prefix.text === '2001:db8:70::/48');
    assert.deepEqual([left?.spec.hops.length, left?.spec.protocol, others.length], [1, 3, 0]);
  });

  test('a route by a nexthop object that says nothing else has the hops of the object, single or group, also when they change', async () => {
    const compat = (value: number): void => {
      spawnSync('ip', ['netns', 'exec', space.name, 'sysctl', '-qw', `net.ipv4.nexthop_compat_mode=${value}`]);
    };
    const gateways = async (kernel = space.kernel): Promise<string> => {
      const { facts } = await kernel.observe();
      const routes = facts.routes.filter(({ prefix }) => /^(172\.16\.20|172\.16\.21|2001:db8:20)/.test(prefix.text));
      return routes
        .map(({ prefix, spec }) => `${prefix} ${spec.hops.map((hop) => `${hop.gateway} ${hop.device?.name}`).join(' ')}`)
        .join(', ');
    };
    compat(0);
    await space.ip('nexthop', 'add', 'id', '21', 'via', '10.1.0.2', 'dev', 'left');
    await space.ip('nexthop', 'add', 'id', '22', 'via', '10.1.0.3', 'dev', 'left');
    await space.ip('nexthop', 'add', 'id', '23', 'group', '21/22');
    await space.ip('nexthop', 'add', 'id', '26', 'via', '2001:db8:1::2', 'dev', 'left');
    await space.ip('route', 'add', '172.16.20.0/24', 'nhid', '21');
    await space.ip('route', 'add', '172.16.21.0/24', 'nhid', '23');
    await space.ip('-6', 'route', 'add', '2001:db8:20::/48', 'nhid', '26');
    const wanted = '172.16.20.0/24 10.1.0.2 left, 172.16.21.0/24 10.1.0.2 left 10.1.0.3 left, 2001:db8:20::/48 2001:db8:1::2 left';
    assert.equal(await gateways(), wanted);
    const fresh = openLinuxKernel({ netns: `/run/netns/${space.name}` });
    assert.equal(await gateways(fresh), wanted);
    fresh.close();
    const woken = news();
    await space.ip('nexthop', 'replace', 'id', '21', 'via', '10.1.0.7', 'dev', 'left');
    await woken;
    assert.equal(await gateways(), wanted.replaceAll('10.1.0.2 ', '10.1.0.7 '));
    for (const id of ['23', '22', '21', '26']) await space.ip('nexthop', 'del', 'id', id);
    assert.equal(await gateways(), '');
    compat(1);
    assert.deepEqual(events(), []);
  });

  test('strays under our mark go in every form, and nothing else: for a type of service, a source, a table, hidden, by a nexthop object', async () => {
    const before = (await space.ip('route', 'show', 'table', 'all')) + (await space.ip('-6', 'route', 'show', 'table', 'all'));
    const batch = [
      ['route', 'add', '172.16.9.0/24', 'tos', '0x10', 'via', '10.1.0.2', 'proto', '201', 'metric', '5'],
      ['route', 'add', '172.16.9.0/24', 'via', '10.1.0.2', 'proto', '201', 'metric', '5'],
      ['route', 'append', '172.16.9.0/24', 'via', '10.1.0.3', 'proto', '201', 'metric', '5'],
      ['route', 'add', 'blackhole', '172.16.10.0/24', 'table', '77', 'proto', '201'],
      ['-6', 'route', 'add', '2001:db8:9::/48', 'from', '2001:db8:1::/64', 'via', '2001:db8:1::2', 'proto', '201', 'metric', '5'],
      ['-6', 'route', 'add', '2001:db8:a::/48', 'via', '2001:db8:1::3', 'proto', 'bird', 'metric', '5'],
      ['-6', 'route', 'append', '2001:db8:a::/48', 'via', '2001:db8:1::2', 'proto', '201', 'metric', '5'],
      ['-6', 'route', 'append', '2001:db8:a::/48', 'via', '2001:db8:1::4', 'proto', 'bird', 'metric', '5'],
      ['nexthop', 'add', 'id', '9', 'via', '10.1.0.2', 'dev', 'left'],
      ['route', 'add', '172.16.11.0/24', 'nhid', '9', 'proto', '201'],
    ];
    for (const words of batch) await space.ip(...words);
    const { removed, left } = await space.kernel.purge();
    assert.deepEqual(left, []);
    const texts = removed.join('\n');
    for (const text of [
      '172.16.9.0/24 via 10.1.0.2 dev left proto 201 metric 5 tos 0x10',
      'blackhole 172.16.10.0/24 table 77 proto 201',
      '2001:db8:9::/48 via 2001:db8:1::2 dev left proto 201 metric 5 from 2001:db8:1::/64',
      '2001:db8:a::/48 nexthop via 2001:db8:1::3',
    ])
      assert.ok(texts.includes(text), `${text} is not among\n${texts}`);
    assert.equal(removed.length, 7);
    assert.match(await space.ip('-6', 'route', 'show', '2001:db8:a::/48'), /proto bird.*2001:db8:1::3.*2001:db8:1::4/s);
    await space.ip('nexthop', 'del', 'id', '9');
    await space.ip('-6', 'route', 'del', '2001:db8:a::/48', 'metric', '5');
    const after = (await space.ip('route', 'show', 'table', 'all')) + (await space.ip('-6', 'route', 'show', 'table', 'all'));
    assert.equal(after, before);
  });

  test('a foreign route appended to the identity of ours is not replaced in its stead', async () => {
    const route = via('172.16.0.0/24', '10.1.0.2');
    await add([route]);
    await space.ip('route', 'prepend', '172.16.0.0/24', 'via', '10.1.0.3', 'metric', '4201');
    const changed = via('172.16.0.0/24', '10.1.0.4');
    const failures = await space.kernel.apply([{ op: 'replace-route', route: changed, previous: route }]);
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['EEXIST'],
    );
    assert.match(await space.ip('route'), /172.16.0.0\/24 via 10.1.0.3[\s\S]*172.16.0.0\/24 via 10.1.0.2/);
    assert.deepEqual(await space.kernel.apply([{ op: 'remove-route', route }]), []);
    assert.match(await space.ip('route'), /172.16.0.0\/24 via 10.1.0.3/);
    assert.deepEqual(events(), []);
  });

  test('a renamed device has its new name everywhere', async () => {
    const route = via('172.16.0.0/24', '10.1.0.2');
    await add([route]);
    await space.ip('link', 'set', 'left', 'down');
    await space.ip('link', 'set', 'left', 'name', 'port');
    await space.ip('link', 'set', 'port', 'up');
    const { facts } = await space.kernel.observe();
    const names = [
      ...facts.links,
      ...facts.addresses.map((held) => held.device),
      ...facts.routes.flatMap(({ spec }) => spec.hops.map((hop) => hop.device)),
    ];
    assert.equal(names.filter((ref) => ref?.index === device.index && ref.name !== 'port').length, 0);
    assert.ok(facts.addresses.some((held) => held.device.name === 'port'));
  });

  test('the process that did it is named, while it lives', async () => {
    const route = via('172.16.0.0/24', '10.1.0.2');
    await add([route]);
    const woken = news();
    const outsider = spawn('ip', ['-n', space.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = new Promise((resolve) => outsider.once('close', resolve));
    // It waits for more until its input ends.
    outsider.stdin.write('route del 172.16.0.0/24 metric 4201\n');
    await woken;
    assert.deepEqual(
      space.kernel.takeDrift().map(({ event, process }) => `${event} by ${process}`),
      [`RouteDeleted by ip (${outsider.pid})`],
    );
    outsider.stdin.end();
    await ended;
  });

  test('ten thousand routes, replaced in place and removed', async () => {
    const routes = (gateway: string): readonly Route[] => {
      const spec = { ...base(), hops: [{ gateway: Address.parse(gateway), device, onLink: false }] };
      return Array.from({ length: 10_000 }, (_, i) => ({
        prefix: Prefix.parse(`172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`),
        spec,
      }));
    };
    const first = routes('10.1.0.2');
    const second = routes('10.1.0.3');
    await add(first);
    const replacing = second.flatMap((route, i) => (first[i] ? [{ op: 'replace-route' as const, route, previous: first[i] }] : []));
    assert.deepEqual(await space.kernel.apply(replacing), []);
    const fresh = [...(await space.reread()).owned.values()];
    assert.equal(fresh.length, 10_000);
    assert.deepEqual([...new Set(fresh.map(({ spec }) => spec.hops[0]?.gateway?.text))], ['10.1.0.3']);
    assert.equal(new Set(fresh.map(({ spec }) => spec)).size, 1);
    assert.deepEqual(await space.kernel.apply(second.map((route) => ({ op: 'remove-route', route }))), []);
    assert.equal((await space.reread()).owned.size, 0);
  });

  function via(prefix: string, gateway: string | undefined, spec: Partial<RouteSpec> = {}): Route {
    const hop = { device, onLink: false, ...(gateway !== undefined && { gateway: Address.parse(gateway) }) };
    return { prefix: Prefix.parse(prefix), spec: { ...base(), hops: [hop], ...spec } };
  }

  async function add(routes: readonly Route[]): Promise<void> {
    assert.deepEqual(await space.kernel.apply(routes.map((route) => ({ op: 'add-route', route }))), []);
  }

  function news(): Promise<void> {
    return new Promise((resolve) => space.kernel.watch(resolve));
  }

  function events(): readonly string[] {
    return space.kernel.takeDrift().map(({ event, route }) => `${event} ${route?.prefix}`);
  }
});

describe('what the machine may lack', () => {
  let space: Namespace;
  before(async () => {
    space = await Namespace.create();
  });
  after(() => space.close());

  test('a namespace that does not exist', () => {
    assert.throws(() => openLinuxKernel({ netns: '/run/netns/flk-nowhere' }), KernelUnavailable);
  });

  test('without CAP_NET_ADMIN: observing works, and one line says what is missing', () => {
    const program = `
      import { openLinuxKernel } from ${JSON.stringify(join(import.meta.dirname, '../../src/kernel/linux/kernel.ts'))};
      const kernel = openLinuxKernel();
      const { facts } = await kernel.observe();
      process.stdout.write(JSON.stringify([facts.links[0]?.name, kernel.missingPermission()]));
      kernel.close();`;
    const command = ['netns', 'exec', space.name, 'setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];
    const run = spawnSync('ip', [...command, process.execPath, '--input-type=module', '-e', program], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    const [link, missing] = JSON.parse(run.stdout) as readonly [string, string];
    assert.equal(link, 'lo');
    assert.match(missing, /^needs CAP_NET_ADMIN: [^\n]*NET_ADMIN[^\n]*$/);
  });
});

function base(): RouteSpec {
  return { table: 254, metric: 4201, protocol: 201, type: 'unicast', hops: [] };
}
