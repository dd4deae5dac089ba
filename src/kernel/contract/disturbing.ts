import assert from 'node:assert/strict';
import { linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import { sameSpec } from '../../core/route.ts';
import type { Cases } from './harness.ts';
import {
  addressesOf,
  adds,
  driftOf,
  foreignRoute,
  GATEWAYS,
  lan,
  listen,
  nextDrift,
  ownedTexts,
  RULELESS,
  succeed,
  two,
  via,
} from './support.ts';

export const WATCHING: Cases = {
  'a route of ours is deleted by somebody else': async (harness) => {
    for (const route of await two(harness)) {
      await driftOf(harness, 'RouteDeleted', route, () => harness.deleteRoute(route));
      await succeed(harness.kernel, adds([route]));
    }
    assert.equal((await harness.reread()).owned.size, 2);
  },

  'a foreign route takes the place of ours': async (harness) => {
    for (const route of await two(harness)) {
      const foreign = { ...route, spec: { ...route.spec, protocol: 4, mtu: 1300 } };
      await driftOf(harness, 'RouteReplaced', route, () => harness.replaceRoute(foreign));
      assert.ok(sameSpec(foreignRoute((await harness.kernel.observe()).facts, route.prefix.text)?.spec ?? RULELESS, foreign.spec));
    }
  },

  'a route of ours is changed under our mark': async (harness) => {
    for (const route of await two(harness)) {
      const changed = { ...route, spec: { ...route.spec, mtu: 1300 } };
      const drift = await nextDrift(harness, () => harness.replaceRoute(changed));
      assert.deepEqual([drift.event, drift.route], ['RouteChanged', route]);
      assert.equal((await harness.kernel.observe()).owned.like(route)?.spec.mtu, 1300);
    }
  },

  'drift is reported once, in order, with the time it was noticed': async (harness) => {
    const routes = await two(harness);
    const before = harness.kernel.now();
    for (const route of routes) await harness.deleteRoute(route);
    await harness.kernel.observe();
    const drift = harness.kernel.takeDrift();
    assert.deepEqual(
      drift.map(({ route }) => route),
      routes,
    );
    assert.ok(drift.every(({ at }) => at >= before && at <= harness.kernel.now()));
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'a foreign change wakes the listener': async (harness) => {
    const device = await lan(harness);
    await harness.kernel.observe();
    const news = listen(harness.kernel);
    await news.quiet();
    const woken = news.next();
    await harness.addRoute(via('172.16.0.0/12', '10.1.0.2', device, { protocol: 4 }));
    await woken;
  },
};

export const LOSING: Cases = {
  'a link goes down and takes its routes; its return does not bring ours': async (harness) => {
    const [route] = await two(harness);
    await driftOf(harness, 'LinkDown', route, () => harness.setLinkUp('left', false), 2);
    const down = (await harness.kernel.observe()).facts;
    assert.equal(linkNamed(down, 'left')?.up, false);
    assert.equal(foreignRoute(down, '10.1.0.0/24'), undefined);
    await harness.setLinkUp('left', true);
    const { facts, owned } = await harness.kernel.observe();
    assert.equal(linkNamed(facts, 'left')?.up, true);
    assert.ok(foreignRoute(facts, '10.1.0.0/24'));
    assert.equal(owned.size, 0);
    await succeed(harness.kernel, adds([route]));
  },

  'a link is deleted': async (harness) => {
    const [route] = await two(harness);
    await driftOf(harness, 'LinkDown', route, () => harness.removeLink('left'), 2);
    const { facts } = await harness.kernel.observe();
    assert.equal(linkNamed(facts, 'left'), undefined);
    assert.deepEqual(addressesOf(facts, 'left'), []);
    assert.equal(foreignRoute(facts, '10.1.0.1/32'), undefined);
  },

  'an address is removed, and with it the routes that leave from it': async (harness) => {
    const device = await lan(harness);
    const from = via('172.16.0.0/16', '10.1.0.2', device, { source: Address.parse('10.1.0.9') });
    const other = via('172.17.0.0/16', '10.1.0.2', device);
    await succeed(harness.kernel, adds([from, other]));
    await driftOf(harness, 'LinkDown', from, () => harness.removeAddress('left', '10.1.0.9/24'));
    const { facts, owned } = await harness.kernel.observe();
    assert.deepEqual(addressesOf(facts, 'left'), ['10.1.0.1/24', '2001:db8:1::1/64']);
    assert.equal(owned.like(other), other);
  },

  'the last IPv4 address of a link is removed, and with it every IPv4 route': async (harness) => {
    const [route] = await two(harness);
    await harness.removeAddress('left', '10.1.0.9/24');
    await driftOf(harness, 'LinkDown', route, () => harness.removeAddress('left', '10.1.0.1/24'));
    assert.deepEqual(await ownedTexts(harness.kernel), [GATEWAYS[1][0]]);
  },
};
