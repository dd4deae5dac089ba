import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideAbandoned } from '../../src/controller/abandoned-reports.ts';
import { Attention } from '../../src/controller/attention.ts';
import { decideStaticRoute, type FleetNode } from '../../src/controller/decide-static-route.ts';
import { EntryPool } from '../../src/controller/entry-pool.ts';
import { Fleet } from '../../src/controller/fleet.ts';
import { dueAt } from '../../src/controller/pace.ts';
import { type NodeView, nodeView, type ReportView, type RouteView, reportView } from '../../src/controller/views.ts';
import { entry, reportStatus, routeOf } from './objects.ts';

const AROUND = { namespace: 'fairlead', date: new Date('2027-01-01T12:00:00Z') };

/** A cluster whose objects are put and taken away at will; versions count up. */
class World {
  readonly routes = new Map<string, { readonly value: RouteView }>();
  readonly nodes = new Map<string, { readonly value: NodeView }>();
  readonly reports = new Map<string, { readonly value: ReportView }>();
  readonly #pool = new EntryPool();
  #version = 0;

  putRoute(name: string, zone: string | undefined, generation = 1): void {
    const spec = zone === undefined ? {} : { nodeSelector: { matchLabels: { zone } } };
    this.routes.set(name, { value: routeOf(name, { generation, spec, version: this.#next() }) });
  }

  putNode(name: string, zone = 'a', ready = 'True'): void {
    const metadata = { name, uid: `uid-${name}`, resourceVersion: this.#next(), labels: { zone } };
    const status = { conditions: [{ type: 'Ready', status: ready, reason: 'X' }] };
    this.nodes.set(name, { value: nodeView({ apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status }) });
  }

  putReport(name: string, resources: readonly object[], lastSync = '2027-01-01T12:00:00Z'): void {
    const metadata = { name, uid: `uid-${name}`, resourceVersion: this.#next() };
    const status = reportStatus(resources as never, lastSync);
    this.reports.set(name, { value: reportView(this.#pool)({ apiVersion: 'x', kind: 'NodeReport', metadata, status }) });
  }

  #next(): string {
    return String(++this.#version);
  }
}

const at = (attended: number): { attended: number; date: number } => ({ attended, date: Date.UTC(2027, 0, 1, 12) + attended });
const namesOf = (names: ReadonlySet<string>): string[] => [...names].sort();

describe('a change', () => {
  const stocked = (): { world: World; fleet: Fleet } => {
    const world = new World();
    const fleet = new Fleet();
    for (let i = 0; i < 20; i++) world.putRoute(`r${i}`, i < 10 ? 'a' : 'b');
    for (const name of ['n1', 'n2']) {
      world.putNode(name, 'a');
      world.putReport(
        name,
        Array.from({ length: 10 }, (_, i) => entry(`r${i}`)),
      );
    }
    assert.equal(fleet.update(world, at(0)).routes.size, 20);
    return { world, fleet };
  };

  it('of one entry of a report concerns that route alone', () => {
    const { world, fleet } = stocked();
    world.putReport(
      'n1',
      Array.from({ length: 10 }, (_, i) => entry(`r${i}`, i === 3 ? { reason: 'Conflict' } : {})),
    );
    assert.deepEqual(namesOf(fleet.update(world, at(10)).routes), ['r3']);
  });

  it('of lastSync concerns nobody', () => {
    const { world, fleet } = stocked();
    world.putReport(
      'n1',
      Array.from({ length: 10 }, (_, i) => entry(`r${i}`)),
      '2027-01-01T12:02:00Z',
    );
    const changes = fleet.update(world, at(10));
    assert.deepEqual([changes.routes.size, changes.network], [0, false]);
  });

  it('of a Node concerns the routes that selected it or do now, and only when labels or readiness changed', () => {
    const { world, fleet } = stocked();
    world.putNode('n1', 'a');
    assert.deepEqual(fleet.update(world, at(10)), { routes: new Set(), network: false });
    world.putNode('n1', 'c');
    assert.equal(fleet.update(world, at(20)).routes.size, 10);
    world.putNode('n1', 'b');
    assert.deepEqual(namesOf(fleet.update(world, at(30)).routes), namesOf(new Set(Array.from({ length: 10 }, (_, i) => `r${i + 10}`))));
    world.putNode('n2', 'a', 'Unknown');
    assert.equal(fleet.update(world, at(40)).routes.size, 10);
  });

  it('of addresses or ranges of a Node concerns the network', () => {
    const { world, fleet } = stocked();
    world.putNode('n3', 'a');
    assert.equal(fleet.update(world, at(10)).network, true);
    world.nodes.delete('n3');
    assert.equal(fleet.update(world, at(20)).network, true);
    assert.equal(fleet.update(world, at(30)).network, false);
  });

  it('of the time makes agents silent, once', () => {
    const { world, fleet } = stocked();
    assert.equal(fleet.update(world, at(299_999)).routes.size, 0);
    assert.equal(fleet.update(world, at(300_000)).routes.size, 10);
    assert.equal(fleet.update(world, at(900_000)).routes.size, 0);
    assert.deepEqual(
      fleet.sorted.map(({ silent }) => silent),
      [true, true],
    );
  });

  it('of the uid alone is one too: another object of that name', () => {
    const { world, fleet } = stocked();
    const { value } = world.routes.get('r0') ?? assert.fail();
    world.routes.set('r0', { value: { ...value, uid: 'another' } });
    assert.deepEqual(namesOf(fleet.update(world, at(10)).routes), ['r0']);
  });
});

describe('an agent whose Node is gone', () => {
  const gone = (): { world: World; fleet: Fleet } => {
    const world = new World();
    const fleet = new Fleet();
    world.putNode('n1');
    world.putReport('n1', []);
    fleet.update(world, at(0));
    world.nodes.delete('n1');
    fleet.update(world, at(1_000));
    return { world, fleet };
  };
  const voice = (fleet: Fleet): string => `${fleet.isHeard('n1') ? 'heard' : 'silent'}${fleet.isStray('n1') ? ' stray' : ''}`;

  it('may run while its report is there, and is silent when that is old or has gone', () => {
    const { world, fleet } = gone();
    assert.equal(voice(fleet), 'heard');
    fleet.update(world, at(299_000));
    assert.equal(voice(fleet), 'heard');
    fleet.update(world, at(300_000));
    assert.equal(voice(fleet), 'silent');
    const other = gone();
    other.world.reports.delete('n1');
    other.fleet.update(other.world, at(2_000));
    assert.equal(voice(other.fleet), 'silent');
  });

  it('runs when it reports again, also after its report was deleted, and for as long as it does', () => {
    const { world, fleet } = gone();
    world.putReport('n1', []);
    fleet.update(world, at(10_000));
    assert.equal(voice(fleet), 'heard stray');
    world.reports.delete('n1');
    fleet.update(world, at(61_000));
    assert.equal(voice(fleet), 'heard stray');
    world.putReport('n1', []);
    fleet.update(world, at(130_000));
    world.reports.delete('n1');
    fleet.update(world, at(190_000));
    assert.equal(voice(fleet), 'heard stray');
    fleet.update(world, at(280_000));
    assert.equal(voice(fleet), 'silent');
  });

  it('is not known to run because of a report that was there before', () => {
    const { world } = gone();
    const fleet = new Fleet();
    fleet.update(world, at(5_000));
    assert.equal(voice(fleet), 'heard');
  });

  it('is an ordinary one when the Node is there again', () => {
    const { world, fleet } = gone();
    world.putReport('n1', []);
    fleet.update(world, at(2_000));
    world.putNode('n1');
    fleet.update(world, at(3_000));
    assert.equal(voice(fleet), 'heard');
    world.nodes.delete('n1');
    fleet.update(world, at(4_000));
    assert.equal(voice(fleet), 'heard');
  });
});

describe('whatever changes', () => {
  const name = fc.constantFrom('n1', 'n2', 'n3');
  const zone = fc.constantFrom('a', 'b');
  const route = fc.constantFrom('r1', 'r2', 'r3');
  const told = fc.uniqueArray(
    fc
      .tuple(route, fc.constantFrom('Ready', 'Conflict'), fc.integer({ min: 1, max: 2 }))
      .map(([of, reason, observedGeneration]) => entry(of, { reason, observedGeneration })),
    { selector: (each) => each['name'] },
  );
  const change: fc.Arbitrary<(world: World) => void> = fc.oneof(
    fc
      .tuple(route, fc.option(zone, { nil: undefined }), fc.integer({ min: 1, max: 2 }))
      .map((args) => (world: World) => world.putRoute(...args)),
    route.map((of) => (world: World) => void world.routes.delete(of)),
    fc.tuple(name, zone, fc.constantFrom('True', 'Unknown')).map((args) => (world: World) => world.putNode(...args)),
    name.map((of) => (world: World) => void world.nodes.delete(of)),
    fc.tuple(name, told).map((args) => (world: World) => world.putReport(...args)),
    name.map((of) => (world: World) => void world.reports.delete(of)),
  );
  const step = fc.tuple(fc.array(change, { maxLength: 4 }), fc.constantFrom(0, 1_000, 70_000, 200_000));

  it('decisions that are renewed only where the fleet says so are those that everything gives', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const world = new World();
        const fleet = new Fleet();
        const kept = new Map<string, string>();
        let attended = 0;
        for (const [changes, lasts] of steps) {
          for (const each of changes) each(world);
          attended += lasts;
          for (const dirty of fleet.update(world, at(attended)).routes) {
            const subject = fleet.routes.get(dirty);
            if (subject) kept.set(dirty, JSON.stringify(decideStaticRoute(subject, fleet.sorted, AROUND)));
            else kept.delete(dirty);
          }
          const nodes = fleet.sorted;
          assert.deepEqual(
            nodes.map((node) => [node.name, node.report]),
            [...world.nodes.keys()].sort().map((of) => [of, world.reports.get(of)?.value]),
          );
          const all = [...world.routes].map(([of, { value }]) => [of, JSON.stringify(decideStaticRoute(value, nodes, AROUND))] as const);
          assert.deepEqual(kept, new Map(all));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('time', () => {
  it('that was not spent listening does not count, nor a long gap', () => {
    const attention = new Attention();
    assert.equal(attention.look(1_000, true), 0);
    assert.equal(attention.look(11_000, true), 10_000);
    assert.equal(attention.look(500_000, false), 10_000);
    assert.equal(attention.look(510_000, true), 20_000);
    assert.equal(attention.look(9_510_000, true), 40_000);
  });

  it('is left for a complete answer to come, more each time', () => {
    const pace = { lastWrite: Number.NEGATIVE_INFINITY, wrongSince: 10_000, incompleteWrites: 0 };
    assert.ok(dueAt(pace, true) <= 10_000);
    assert.equal(dueAt(pace, false), 12_000);
    assert.equal(dueAt({ ...pace, lastWrite: 9_500 }, true), 10_500);
    assert.deepEqual(
      [1, 2, 5, 9].map((incompleteWrites) => dueAt({ ...pace, incompleteWrites }, false)),
      [14_000, 18_000, 42_000, 42_000],
    );
  });

  it('makes the report of a Node that is gone an abandoned one', () => {
    const reports = new Map(['n1', 'n2'].map((name) => [name, { name, uid: name, version: '1' }]));
    const nodes = new Map<string, FleetNode | undefined>([['n2', undefined]]);
    const first = decideAbandoned(reports, nodes, new Map(), 5_000);
    assert.deepEqual([first.abandoned, [...first.absences]], [[], [['n1', 5_000]]]);
    assert.deepEqual(decideAbandoned(reports, nodes, first.absences, 64_999).abandoned, []);
    assert.deepEqual(
      decideAbandoned(reports, nodes, first.absences, 65_000).abandoned.map(({ uid }) => uid),
      ['n1'],
    );
    const back = decideAbandoned(reports, new Map([...nodes, ['n1', undefined]]), first.absences, 65_000);
    assert.deepEqual([back.abandoned, [...back.absences]], [[], []]);
  });
});

describe('a pool of entries', () => {
  it('gives a thousand nodes that are ready one entry, and tells everything else apart', () => {
    const pool = new EntryPool();
    const of = (over: Readonly<Record<string, unknown>>): object => pool.entry(entry('r', { gateway: '10.0.0.1', routes: 2, ...over }));
    assert.equal(of({}), of({}));
    for (const over of [{ gateway: '10.0.0.2' }, { device: 'eth1' }, { observedGeneration: 2 }, { uid: 'x' }, { routes: 3 }]) {
      assert.notEqual(of(over), of({}));
    }
    assert.notEqual(of({ reason: 'Conflict' }), of({ reason: 'Conflict' }));
  });
});
