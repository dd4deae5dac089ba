import assert from 'node:assert/strict';
import { linkNamed, type Rule } from '../../core/facts.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import { PROTOCOL_KERNEL, sameSpec } from '../../core/route.ts';
import type { Cases } from './harness.ts';
import { addressesOf, adds, everyKind, foreignRoute, hop, lan, ownedTexts, RULE, RULELESS, succeed, via } from './support.ts';

export const OBSERVING: Cases = {
  'an empty network: loopback, the default rules, nothing of ours': async ({ kernel }) => {
    const { facts, owned } = await kernel.observe();
    const [loopback] = facts.links;
    assert.deepEqual([facts.links.length, loopback?.name, loopback?.loopback, loopback?.index], [1, 'lo', true, 1]);
    assert.deepEqual(
      facts.rules.map((rule) => `${rule.family}: ${rule.priority} ${rule.action} ${rule.table} ${rule.opaque}`),
      [
        '4: 0 lookup 255 false',
        '4: 32766 lookup 254 false',
        '4: 32767 lookup 253 false',
        '6: 0 lookup 255 false',
        '6: 32766 lookup 254 false',
      ],
    );
    assert.equal(owned.size, 0);
    assert.match(facts.kernelRelease, /^\d+\.\d+/);
    assert.equal(kernel.missingPermission(), undefined);
  },

  'links, addresses and the routes that come with them': async (harness) => {
    await harness.kernel.observe();
    const device = await lan(harness);
    const { facts } = await harness.kernel.observe();
    const link = linkNamed(facts, 'left');
    assert.deepEqual([link?.index, link?.up, link?.carrier, link?.loopback, link?.mtu], [device.index, true, true, false, 1500]);
    assert.deepEqual(addressesOf(facts, 'left'), ['10.1.0.1/24', '10.1.0.9/24', '2001:db8:1::1/64']);
    const connected = foreignRoute(facts, '10.1.0.0/24');
    assert.equal(connected?.spec.protocol, PROTOCOL_KERNEL);
    assert.deepEqual(connected?.spec.hops, [{ device, onLink: false }]);
    assert.equal(foreignRoute(facts, '2001:db8:1::/64')?.spec.metric, 256);
    assert.equal(foreignRoute(facts, '10.1.0.1/32')?.spec.type, 'local');
  },

  'a rule, with its selectors': async (harness) => {
    const before = (await harness.kernel.observe()).facts;
    const rule: Rule = { ...RULE, priority: 900, table: 1234, from: Prefix.parse('10.9.0.0/16'), mark: { value: 0x10, mask: 0xf0 } };
    await harness.addRule(rule);
    const { facts } = await harness.kernel.observe();
    assert.notEqual(facts, before);
    const seen = facts.rules.find(({ priority }) => priority === 900);
    assert.deepEqual([seen?.table, seen?.from?.text, seen?.mark, seen?.opaque], [1234, '10.9.0.0/16', { value: 0x10, mask: 0xf0 }, false]);
  },

  'rp_filter of a device and of all': async (harness) => {
    await harness.addLink('left');
    await harness.kernel.observe();
    await harness.setRpFilter('left', 1);
    await harness.setRpFilter('all', 2);
    const { facts } = await harness.kernel.observe();
    assert.deepEqual([linkNamed(facts, 'left')?.rpFilter, facts.rpFilterAll], [1, 2]);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'foreign routes come and go; facts are a new value each time': async (harness) => {
    const device = await lan(harness);
    const first = (await harness.kernel.observe()).facts;
    const route = via('172.16.0.0/12', '10.1.0.2', device, { protocol: 4 });
    await harness.addRoute(route);
    const second = (await harness.kernel.observe()).facts;
    assert.ok(sameSpec(foreignRoute(second, '172.16.0.0/12')?.spec ?? RULELESS, route.spec));
    await harness.deleteRoute(route);
    const third = (await harness.kernel.observe()).facts;
    assert.equal(foreignRoute(third, '172.16.0.0/12'), undefined);
    assert.equal(new Set([first, second, third]).size, 3);
    assert.equal((await harness.kernel.observe()).facts, third);
  },

  'what an earlier process left under our mark is ours': async (harness) => {
    const device = await lan(harness);
    const route = via('172.16.0.0/12', '10.1.0.2', device);
    await harness.addRoute(route);
    assert.deepEqual(await ownedTexts(harness.kernel), ['172.16.0.0/12']);
    assert.equal(foreignRoute((await harness.kernel.observe()).facts, '172.16.0.0/12'), undefined);
    assert.deepEqual(harness.kernel.takeDrift(), []);
    await succeed(harness.kernel, [{ op: 'remove-route', route }]);
    assert.equal((await harness.reread()).owned.size, 0);
  },

  'purging takes several next hops under our mark, and nothing foreign': async (harness) => {
    const device = await lan(harness);
    const hops = ['10.1.0.2', '10.1.0.3'].map((gateway) => hop(device, gateway));
    await harness.addRoute(via('172.16.0.0/12', '10.1.0.2', device, { hops }));
    await harness.addRoute(via('172.16.0.0/12', '10.1.0.2', device, { hops, metric: 7, protocol: 4 }));
    const { facts } = await harness.kernel.observe();
    const { removed, left } = await harness.kernel.purge();
    assert.deepEqual(removed, ['172.16.0.0/12 nexthop via 10.1.0.2 dev left nexthop via 10.1.0.3 dev left proto 201 metric 4201']);
    assert.deepEqual(left, []);
    const after = (await harness.kernel.observe()).facts;
    assert.equal(after.routes.length, facts.routes.length - 1);
    assert.equal(foreignRoute(after, '172.16.0.0/12')?.spec.metric, 7);
    assert.deepEqual(await harness.kernel.purge(), { removed: [], left: [] });
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'several next hops under our mark are not ours': async (harness) => {
    const device = await lan(harness);
    const hops = ['10.1.0.2', '10.1.0.3'].map((gateway) => hop(device, gateway));
    await harness.addRoute(via('172.16.0.0/12', '10.1.0.2', device, { hops }));
    const { facts, owned } = await harness.kernel.observe();
    assert.equal(owned.size, 0);
    assert.deepEqual(
      foreignRoute(facts, '172.16.0.0/12')?.spec.hops.map(({ gateway }) => gateway?.text),
      ['10.1.0.2', '10.1.0.3'],
    );
  },

  'invalidate reads everything again, and finds the same value': async (harness) => {
    const device = await lan(harness);
    await succeed(harness.kernel, adds(everyKind(device)));
    const { facts } = await harness.kernel.observe();
    harness.kernel.invalidate();
    const again = await harness.kernel.observe();
    assert.equal(again.facts, facts);
    assert.equal(again.owned.size, everyKind(device).length);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },
};
