import assert from 'node:assert/strict';
import { linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import type { Cases } from './harness.ts';
import { adds, assertForeign, assertOwned, codes, GATEWAYS, lan, via } from './support.ts';

export const REFUSING: Cases = {
  'add fails on a foreign route and leaves it': async (harness) => {
    const device = await lan(harness);
    for (const [prefix, gateway] of GATEWAYS) {
      const foreign = via(prefix, gateway, device, { protocol: 4, mtu: 1300 });
      await harness.addRoute(foreign);
      const failures = await harness.kernel.apply(adds([via(prefix, gateway, device)]));
      assert.deepEqual(codes(failures), ['EEXIST']);
      await assertForeign(harness, foreign);
    }
  },

  'remove and replace never touch a foreign route': async (harness) => {
    const device = await lan(harness);
    for (const [prefix, gateway] of GATEWAYS) {
      const foreign = via(prefix, gateway, device, { protocol: 4 });
      const ours = via(prefix, gateway, device);
      await harness.addRoute(foreign);
      const failures = await harness.kernel.apply([
        { op: 'remove-route', route: ours },
        { op: 'replace-route', route: ours, previous: ours },
      ]);
      assert.deepEqual(codes(failures), ['ESRCH', 'EEXIST']);
      await assertForeign(harness, foreign);
    }
  },

  'remove and replace of what is not there': async (harness) => {
    const device = await lan(harness);
    for (const [prefix, gateway] of GATEWAYS) {
      const route = via(prefix, gateway, device);
      const failures = await harness.kernel.apply([
        { op: 'remove-route', route },
        { op: 'replace-route', route, previous: route },
      ]);
      assert.deepEqual(codes(failures), ['ESRCH', 'ENOENT']);
    }
    await assertOwned(harness, []);
  },

  'a failure in the middle belongs to its change, with the words of the kernel': async (harness) => {
    const device = await lan(harness);
    const routes = Array.from({ length: 1000 }, (_, i) => via(`172.20.${i >> 8}.${i & 255}/32`, '10.1.0.2', device));
    const bad = via('172.21.0.0/16', '10.77.0.1', device);
    const twice = routes[10] ?? bad;
    const failures = await harness.kernel.apply(
      adds([...routes.slice(0, 300), bad, ...routes.slice(300, 990), twice, ...routes.slice(990)]),
    );
    assert.deepEqual(
      failures.map(({ change, code }) => [change.op === 'add-route' && change.route, code]),
      [
        [bad, 'ENETUNREACH'],
        [twice, 'EEXIST'],
      ],
    );
    assert.equal(failures[0]?.message, 'Nexthop has invalid gateway');
    assert.match(failures[1]?.message ?? '', /exists already/);
    await assertOwned(harness, routes);
  },

  'refusals of a dead link, a wrong source, a lost device': async (harness) => {
    const device = await lan(harness);
    await harness.addLink('right');
    await harness.setLinkUp('right', false);
    const { facts } = await harness.kernel.observe();
    const down = linkNamed(facts, 'right') ?? device;
    const failures = await harness.kernel.apply(
      adds([
        via('172.16.0.0/16', undefined, { index: down.index, name: down.name }),
        via('172.17.0.0/16', '10.1.0.2', device, { source: Address.parse('10.66.0.1') }),
        via('172.18.0.0/16', undefined, { index: 4711, name: 'gone' }),
        via('2001:db8:70::/48', '2001:db8:77::1', device),
      ]),
    );
    assert.deepEqual(codes(failures), ['ENETDOWN', 'EINVAL', 'ENODEV', 'EHOSTUNREACH']);
    assert.ok(failures.every(({ message }) => message.length > 10));
    assert.equal((await harness.reread()).owned.size, 0);
  },

  'rp_filter of a device that is gone': async ({ kernel }) => {
    const device = { index: 4711, name: 'gone' };
    const failures = await kernel.apply([{ op: 'set-sysctl', device, name: 'rp_filter', value: 2, previous: 1, restores: false }]);
    assert.deepEqual(codes(failures), ['ENODEV']);
  },
};
