import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../src/core/change.ts';
import { diff, forget, remember } from '../../src/core/diff.ts';
import { guard } from '../../src/core/guard.ts';
import { NOTHING_PLANNED, type NodePlan, type ResourcePlan } from '../../src/core/plan.ts';
import { formatChange } from '../../src/core/render.ts';
import { BURST, objectKey, RepairBudget } from '../../src/core/repair.ts';
import { type Route, RouteIndex } from '../../src/core/route.ts';
import { ETH0, ETH1, facts, link, prefix, route } from './builders.ts';

const ours = (to: string, via = '10.1.0.1', metric = 4201): Route => route(to, via, ETH1, { protocol: 201, metric });

function plan(routes: readonly Route[], change: Partial<ResourcePlan> = {}): NodePlan {
  const meta = { ref: { kind: 'StaticRoute', name: 'a' } };
  return { resources: [{ ...NOTHING_PLANNED, meta, routes, ...change }] };
}

const changes = (owned: readonly Route[], wanted: NodePlan, world = facts()): Change[] =>
  diff({ routes: RouteIndex.of(owned), sysctls: [] }, wanted, world);

/** A few identities and ways, so that random sets collide. */
const someRoutes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 3 }), fc.constantFrom(4201, 5000)), {
    selector: ([net, , metric]) => `${net} ${metric}`,
  })
  .map((list) => list.map(([net, gateway, metric]) => ours(`192.168.${net}.0/24`, `10.1.0.${gateway}`, metric)));

describe('diff', () => {
  it('adds, replaces and removes, in that order', () => {
    const owned = [ours('192.168.1.0/24'), ours('192.168.2.0/24'), ours('192.168.3.0/24')];
    const wanted = plan([ours('192.168.4.0/24'), ours('192.168.2.0/24', '10.1.0.2'), ours('192.168.1.0/24')]);
    assert.deepEqual(changes(owned, wanted).map(formatChange), [
      '+ 192.168.4.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      '~ 192.168.2.0/24 via 10.1.0.2 dev eth1 proto 201 metric 4201   # was 192.168.2.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      '- 192.168.3.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
    ]);
  });

  it('leaves held identities as they are, present or absent', () => {
    const held = [ours('192.168.1.0/24'), ours('192.168.9.0/24')].map(({ prefix: to, spec }) => ({
      prefix: to,
      table: spec.table,
      metric: spec.metric,
    }));
    const wanted = plan([], { held });
    assert.deepEqual(
      changes([ours('192.168.1.0/24'), ours('192.168.2.0/24')], wanted).map((change) => change.op),
      ['remove-route'],
    );
  });

  it('turns any owned set into any plan, and then has nothing left to do', () => {
    fc.assert(
      fc.property(someRoutes, someRoutes, (owned, wanted) => {
        const index = RouteIndex.of(owned);
        for (const change of diff({ routes: index, sysctls: [] }, plan(wanted), facts())) {
          if (change.op === 'remove-route') assert.ok(index.delete(change.route));
          else if (change.op === 'add-route') assert.equal(index.like(change.route), undefined);
          if (change.op === 'add-route' || change.op === 'replace-route') index.set(change.route);
        }
        assert.deepEqual(diff({ routes: index, sysctls: [] }, plan(wanted), facts()), []);
        assert.equal(index.size, wanted.length);
      }),
    );
  });

  it('sets a sysctl once, remembers what was, and restores it last', () => {
    const strict = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 1 })] });
    const sysctl = { device: { index: 3, name: 'eth1' }, name: 'rp_filter' as const, value: 2 };
    const wanted = plan([ours('192.168.1.0/24')], { sysctls: [sysctl, sysctl] });
    const set = changes([], wanted, strict);
    assert.deepEqual(set.map(formatChange), [
      '~ net.ipv4.conf.eth1.rp_filter = 2   # was 1',
      '+ 192.168.1.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
    ]);
    const remembered = remember([], set);
    assert.deepEqual(remembered, [{ device: sysctl.device, name: 'rp_filter', previous: 1, value: 2 }]);
    assert.deepEqual(forget(remembered, wanted), remembered);

    const loosened = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 2 })] });
    const back = diff({ routes: RouteIndex.of([ours('192.168.1.0/24')]), sysctls: remembered }, plan([]), loosened);
    assert.deepEqual(back.map(formatChange), [
      '- 192.168.1.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      '~ net.ipv4.conf.eth1.rp_filter = 1   # was 2',
    ]);
  });

  it('restores a sysctl on the device that it was set on, whatever it is called now, and on no other of its old name', () => {
    const remembered = [{ device: { index: 3, name: 'eth1' }, name: 'rp_filter' as const, previous: 1, value: 2 }];
    const renamed = facts({ links: [ETH0, link(3, 'lan0', { rpFilter: 2 }), link(4, 'eth1', { rpFilter: 2 })] });
    const back = diff({ routes: new RouteIndex(), sysctls: remembered }, plan([]), renamed);
    assert.deepEqual(back.map(formatChange), ['~ net.ipv4.conf.lan0.rp_filter = 1   # was 2']);
    const recreated = facts({ links: [ETH0, link(4, 'eth1', { rpFilter: 2 })] });
    assert.deepEqual(diff({ routes: new RouteIndex(), sysctls: remembered }, plan([]), recreated), []);
  });

  it('does not restore a sysctl that somebody else has changed since', () => {
    const remembered = [{ device: { index: 3, name: 'eth1' }, name: 'rp_filter' as const, previous: 1, value: 2 }];
    const changed = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 0 })] });
    assert.deepEqual(diff({ routes: new RouteIndex(), sysctls: remembered }, plan([]), changed), []);
    assert.deepEqual(forget(remembered, plan([])), []);
  });
});

describe('guard', () => {
  const add: Change = { op: 'add-route', route: ours('192.168.1.0/24') };
  const remove: Change = { op: 'remove-route', route: ours('192.168.2.0/24') };

  it('removes nothing while the resources are incomplete', () => {
    assert.deepEqual(guard([add, remove], false, new RepairBudget(), 0), { allowed: [add], withheld: [remove], contested: [] });
    assert.deepEqual(guard([add, remove], true, new RepairBudget(), 0).allowed, [add, remove]);
  });

  it('removes a route that does harm even so, but not another one in its place', () => {
    const refused = plan([], { harmful: [ours('192.168.1.0/24'), ours('192.168.2.0/24', '10.1.0.2')] });
    const owned = [ours('192.168.1.0/24'), ours('192.168.2.0/24'), ours('192.168.3.0/24')];
    const { allowed, withheld } = guard(changes(owned, refused), false, new RepairBudget(), 0);
    const prefixes = (list: readonly Change[]): string[] => list.map((change) => formatChange(change).split(' ')[1] ?? '');
    assert.deepEqual(prefixes(allowed), ['192.168.1.0/24']);
    assert.deepEqual(prefixes(withheld), ['192.168.2.0/24', '192.168.3.0/24']);
  });

  it('slows down repairs that keep being undone, and recovers when it is quiet', () => {
    const repairs = new RepairBudget();
    for (let i = 0; i < BURST; i++) repairs.repaired(objectKey(add), 0);
    assert.deepEqual(guard([add], true, repairs, 0).contested, []);
    repairs.repaired(objectKey(add), 0);
    assert.deepEqual(guard([add, remove], true, repairs, 100), { allowed: [remove], withheld: [], contested: [add] });
    assert.equal(repairs.nextIn(100), 400);
    for (let i = 0; i < 10; i++) repairs.repaired(objectKey(add), 400);
    assert.equal(repairs.nextIn(400), 100);
    const delays = [500, 1500, 3500].map((time) => {
      repairs.repaired(objectKey(add), time);
      return repairs.nextIn(time);
    });
    assert.deepEqual(delays, [1000, 2000, 4000]);
    repairs.tidy(10_000_000);
    assert.ok(repairs.isEmpty);
  });
});

describe('RouteIndex', () => {
  it('keeps tables and metrics apart', () => {
    const a = ours('192.168.1.0/24');
    const b = route('192.168.1.0/24', '10.1.0.1', ETH1, { table: 100, metric: 4201 });
    const index = RouteIndex.of([a, b]);
    assert.equal(index.size, 2);
    assert.equal(index.get(prefix('192.168.1.0/24'), 100, 4201), b);
    assert.ok(index.delete(a));
    assert.ok(!index.delete(a));
    assert.deepEqual([...index.values()], [b]);
  });
});
