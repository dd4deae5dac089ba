import assert from 'node:assert/strict';
import { linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import type { Route } from '../../core/route.ts';
import type { Cases } from './harness.ts';
import { adds, assertOwned, everyKind, lan, listen, succeed, unreachable, via } from './support.ts';

export const APPLYING: Cases = {
  'adds every kind of route': async (harness) => {
    const routes = everyKind(await lan(harness));
    await succeed(harness.kernel, adds(routes));
    await assertOwned(harness, routes);
  },

  'replaces in place: gateway, device, type, source, MTU': async (harness) => {
    const device = await lan(harness);
    const other = await harness.addLink('right');
    await harness.addAddress('right', '10.2.0.1/24');
    await harness.addAddress('right', '2001:db8:2::1/64');
    const pairs: readonly (readonly [Route, Route])[] = [
      [via('172.16.0.0/24', '10.1.0.2', device), via('172.16.0.0/24', '10.1.0.3', device)],
      [via('172.16.1.0/24', '10.1.0.2', device), via('172.16.1.0/24', '10.2.0.2', other)],
      [via('172.16.2.0/24', '10.1.0.2', device), unreachable('172.16.2.0/24')],
      [unreachable('172.16.3.0/24'), via('172.16.3.0/24', '10.1.0.2', device, { mtu: 1400, source: Address.parse('10.1.0.9') })],
      [via('2001:db8:70::/48', '2001:db8:1::2', device), via('2001:db8:70::/48', '2001:db8:2::2', other, { mtu: 1400 })],
      [via('2001:db8:71::/48', '2001:db8:1::2', device), unreachable('2001:db8:71::/48')],
      [unreachable('2001:db8:72::/48'), via('2001:db8:72::/48', '2001:db8:1::2', device)],
    ];
    await succeed(harness.kernel, adds(pairs.map(([before]) => before)));
    await succeed(
      harness.kernel,
      pairs.map(([previous, route]) => ({ op: 'replace-route', route, previous })),
    );
    await assertOwned(
      harness,
      pairs.map(([, after]) => after),
    );
  },

  'removes every kind of route': async (harness) => {
    const routes = everyKind(await lan(harness));
    await succeed(harness.kernel, adds(routes));
    await succeed(
      harness.kernel,
      routes.map((route) => ({ op: 'remove-route', route })),
    );
    await assertOwned(harness, []);
  },

  'own changes are no news, no drift, and no new facts': async (harness) => {
    const device = await lan(harness);
    const { facts } = await harness.kernel.observe();
    const news = listen(harness.kernel);
    await news.quiet();
    const before = news.count();
    const routes = everyKind(device);
    await succeed(harness.kernel, adds(routes));
    await succeed(
      harness.kernel,
      routes.map((route) => ({ op: 'remove-route', route })),
    );
    await news.quiet();
    assert.equal(news.count(), before);
    assert.equal((await harness.kernel.observe()).facts, facts);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'the very route objects of a change are kept': async (harness) => {
    const route = via('172.16.0.0/12', '10.1.0.2', await lan(harness));
    await succeed(harness.kernel, adds([route]));
    assert.equal((await harness.kernel.observe()).owned.like(route), route);
  },

  'sets rp_filter and tells when somebody sets it back': async (harness) => {
    const device = await lan(harness);
    await harness.setRpFilter('left', 1);
    await harness.kernel.observe();
    await succeed(harness.kernel, [{ op: 'set-sysctl', device, name: 'rp_filter', value: 2, previous: 1, restores: false }]);
    assert.equal(linkNamed((await harness.kernel.observe()).facts, 'left')?.rpFilter, 2);
    assert.equal(linkNamed((await harness.reread()).facts, 'left')?.rpFilter, 2);
    assert.deepEqual(harness.kernel.takeDrift(), []);
    await harness.setRpFilter('left', 1);
    assert.equal(linkNamed((await harness.kernel.observe()).facts, 'left')?.rpFilter, 1);
    const [drift, ...more] = harness.kernel.takeDrift();
    assert.deepEqual([drift?.event, drift?.sysctl?.device.name, more.length], ['SysctlChanged', 'left', 0]);
  },

  'a restored rp_filter is not ours any more': async (harness) => {
    const device = await lan(harness);
    await harness.kernel.observe();
    const change = { op: 'set-sysctl', device, name: 'rp_filter', value: 2, previous: 0, restores: false } as const;
    await succeed(harness.kernel, [change, { ...change, value: 0, previous: 2, restores: true }]);
    await harness.setRpFilter('left', 1);
    await harness.kernel.observe();
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },
};
