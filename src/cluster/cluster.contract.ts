import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResourceSnapshot } from '../core/resources.ts';
import type { ResourceSource } from './cluster.ts';

/** A place that resources come from, as a test can shape it, seen by the node n1. Every method returns when the change has been made, not when it was seen. */
export interface SourceHarness {
  /** A new source over the present state of the place; what an earlier one kept for a restart is still there. Not started. */
  open(): ResourceSource;
  /** Adds or replaces a wire object. */
  put(object: WireObject): Promise<void>;
  delete(object: WireObject): Promise<void>;
  /** The place can no longer be read, as a whole. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** Ends what the harness holds. Sources are closed by then. */
  dispose(): Promise<void>;
}

export type WireObject = Readonly<Record<string, unknown>> & {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: object };
};

export function wireRoute(name: string, ...subnets: readonly string[]): WireObject {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'StaticRoute',
    metadata: { name },
    spec: { subnets, via: { gateway: '10.0.0.1' } },
  };
}

/** The same object with host bits set, which is refused. */
export function brokenRoute(name: string): WireObject {
  return wireRoute(name, '192.168.1.7/24');
}

/** The overlay addresses of a node, granted also where that must be said. */
export function wireOverlayIP(node: string, ...addresses: readonly string[]): WireObject {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'NodeOverlayIP',
    metadata: { name: `${node}.default` },
    spec: { node, pool: 'default', addresses },
    status: {
      addresses: addresses.map((address) => ({ address, gateway: '192.168.100.1' })),
      interface: { parent: { name: 'eth1' }, name: 'tmp0', type: 'Macvlan' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'Granted', message: '', lastTransitionTime: '2027-01-01T00:00:00Z' }],
    },
  };
}

/** `n1.default=192.168.100.4/24 via 192.168.100.1 on tmp0`, sorted by name; `?` after those that are not granted. */
export function overlayOf(snapshot: ResourceSnapshot, node: string): string {
  const own = snapshot.nodeOverlayIPs.filter((each) => each.node === node);
  const texts = own.map(({ meta, addresses, interface: device, granted }) => {
    const each = addresses.map(({ address, prefixLength, gateway }) => `${address}/${prefixLength} via ${gateway}`);
    return `${meta.ref.name}=${each.join()} on ${device?.name}${granted ? '' : ' ?'}`;
  });
  return texts.toSorted().join(' ');
}

/** `a=10.1.0.0/16 b=10.2.0.0/16,10.3.0.0/16`, sorted by name. */
export function routesOf(snapshot: ResourceSnapshot): string {
  const routes = snapshot.staticRoutes.map(({ meta, subnets }) => `${meta.ref.name}=${subnets.map(String).join()}`);
  return routes.toSorted().join(' ');
}

/**
 * Waits until the source says what is expected. Only a hang ends it otherwise: the limit is no assertion about speed. A connection that died
 * without a word is found out by its PING, which takes up to 45 seconds.
 */
export async function until(
  source: ResourceSource,
  what: string,
  holds: (snapshot: ResourceSnapshot) => boolean,
): Promise<ResourceSnapshot> {
  if (holds(source.snapshot())) return source.snapshot();
  const { promise, resolve, reject } = Promise.withResolvers<ResourceSnapshot>();
  const seen = (): string => `${routesOf(source.snapshot())} ${JSON.stringify({ ...source.snapshot(), staticRoutes: undefined })}`;
  const timer = setTimeout(() => reject(new Error(`waited in vain until ${what}; it says ${seen()}`)), 90_000);
  source.watch(() => {
    if (holds(source.snapshot())) resolve(source.snapshot());
  });
  return promise.finally(() => clearTimeout(timer));
}

export function untilRoutes(source: ResourceSource, expected: string): Promise<ResourceSnapshot> {
  return until(source, `the routes are "${expected}"`, (snapshot) => routesOf(snapshot) === expected);
}

/** What every source guarantees, wherever its resources come from. */
export function describeSource(name: string, makeHarness: () => Promise<SourceHarness>): void {
  const scenario = (title: string, run: (stage: Stage) => Promise<void>): void => {
    it(title, async () => {
      const harness = await makeHarness();
      const stage = new Stage(harness);
      try {
        await run(stage);
      } finally {
        await stage.end();
        await harness.dispose();
      }
    });
  };
  describe(`${name} as a source of resources`, () => {
    describeChanges(scenario);
    describeOverlay(scenario);
    describeFaults(scenario);
    describeRestarts(scenario);
  });
}

type Scenario = (title: string, run: (stage: Stage) => Promise<void>) => void;

class Stage {
  readonly place: SourceHarness;
  #source: ResourceSource | undefined;

  constructor(place: SourceHarness) {
    this.place = place;
  }

  /** A running source; one that ran before is closed first. */
  readonly start = async (): Promise<ResourceSource> => {
    await this.#source?.close();
    this.#source = this.place.open();
    await this.#source.start();
    return this.#source;
  };

  async end(): Promise<void> {
    await this.#source?.close();
  }
}

function describeChanges(scenario: Scenario): void {
  scenario('has what is there when it has started', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const snapshot = (await start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(snapshot.complete, true);
    assert.equal(snapshot.incompleteReason, undefined);
    assert.ok(snapshot.asOf);
  });

  scenario('sees an object that is added, changed and deleted', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const source = await start();
    await place.put(wireRoute('b', '10.2.0.0/16'));
    await untilRoutes(source, 'a=10.1.0.0/16 b=10.2.0.0/16');
    await place.put(wireRoute('b', '10.3.0.0/16'));
    await untilRoutes(source, 'a=10.1.0.0/16 b=10.3.0.0/16');
    await place.delete(wireRoute('b'));
    const last = await untilRoutes(source, 'a=10.1.0.0/16');
    assert.equal(last.complete, true);
  });

  scenario('stays complete when the last object is deleted', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const source = await start();
    await place.delete(wireRoute('a'));
    assert.equal((await untilRoutes(source, '')).complete, true);
  });

  scenario('answers the same value as long as nothing changes', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const source = await start();
    const before = source.snapshot();
    const heard: string[] = [];
    source.watch(() => heard.push(routesOf(source.snapshot())));
    await place.put(wireRoute('a', '10.1.0.0/16'));
    assert.equal(source.snapshot(), before);
    await place.put(wireRoute('b', '10.2.0.0/16'));
    const after = await untilRoutes(source, 'a=10.1.0.0/16 b=10.2.0.0/16');
    assert.equal(after.staticRoutes[0], before.staticRoutes[0]);
    assert.deepEqual(heard, ['a=10.1.0.0/16 b=10.2.0.0/16']);
  });

  scenario('knows the nodes', async ({ place, start }) => {
    await place.put({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1', labels: { zone: 'a' } },
      spec: { podCIDRs: ['10.244.0.0/24'] },
    });
    const [node] = (await start()).snapshot().nodes;
    assert.equal(node?.name, 'n1');
    assert.equal(node?.labels.get('zone'), 'a');
  });
}

const OVERLAY = 'n1.default=192.168.100.4/24 via 192.168.100.1 on tmp0';

function describeOverlay(scenario: Scenario): void {
  const untilOverlay = (source: ResourceSource, expected: string): Promise<ResourceSnapshot> =>
    until(source, `the overlay addresses are "${expected}"`, (snapshot) => overlayOf(snapshot, 'n1') === expected);

  scenario('has the overlay addresses of the node, and does without them when they are deleted', async ({ place, start }) => {
    const own = wireOverlayIP('n1', '192.168.100.4/24');
    await place.put(own);
    const source = await start();
    await untilOverlay(source, OVERLAY);
    await place.delete(own);
    assert.equal((await untilOverlay(source, '')).complete, true);
    await place.put(own);
    await untilOverlay(source, OVERLAY);
  });

  scenario('answers the same value when nothing about them has changed', async ({ place, start }) => {
    await place.put(wireOverlayIP('n1', '192.168.100.4/24'));
    const source = await start();
    const [before] = (await untilOverlay(source, OVERLAY)).nodeOverlayIPs;
    await place.put(wireRoute('a', '10.1.0.0/16'));
    assert.equal((await untilRoutes(source, 'a=10.1.0.0/16')).nodeOverlayIPs[0], before);
  });

  scenario('is not troubled by those of other nodes', async ({ place, start }) => {
    await place.put(wireOverlayIP('n2', '192.168.100.5/24'));
    await place.put(wireOverlayIP('n1', '192.168.100.4/24'));
    const snapshot = await untilOverlay(await start(), OVERLAY);
    assert.deepEqual([snapshot.complete, snapshot.problems, snapshot.invalid], [true, [], []]);
  });

  scenario('keeps the last good overlay addresses when they became invalid', async ({ place, start }) => {
    await place.put(wireOverlayIP('n1', '192.168.100.4/24'));
    const source = await start();
    await untilOverlay(source, OVERLAY);
    await place.put(wireOverlayIP('n1', '192.168.100.0/24'));
    const broken = await until(source, 'they are invalid', ({ invalid }) => invalid.length === 1);
    assert.equal(overlayOf(broken, 'n1'), OVERLAY);
    assert.equal(broken.invalid[0]?.lastGoodInForce, true);
  });

  scenario('starts with the overlay addresses of the node, still granted, while the place is away', async ({ place, start }) => {
    await place.put(wireOverlayIP('n1', '192.168.100.4/24'));
    await untilOverlay(await start(), OVERLAY);
    await place.away();
    const source = await start();
    assert.equal(overlayOf(source.snapshot(), 'n1'), OVERLAY);
    assert.equal(source.snapshot().complete, false);
    await place.back();
    await until(source, 'it is back', ({ complete }) => complete);
    assert.equal(overlayOf(source.snapshot(), 'n1'), OVERLAY);
  });
}

function describeFaults(scenario: Scenario): void {
  scenario('keeps the last good version of an object that became invalid, and says so', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const source = await start();
    await place.put(brokenRoute('a'));
    const broken = await until(source, 'a is invalid', ({ invalid }) => invalid.length === 1);
    assert.equal(routesOf(broken), 'a=10.1.0.0/16');
    assert.equal(broken.complete, true);
    assert.equal(broken.invalid[0]?.meta.ref.name, 'a');
    assert.equal(broken.invalid[0]?.lastGoodInForce, true);
    assert.match(broken.invalid[0]?.message ?? '', /192\.168\.1\.0\/24/);
    await place.put(wireRoute('a', '10.9.0.0/16'));
    assert.deepEqual((await untilRoutes(source, 'a=10.9.0.0/16')).invalid, []);
  });

  scenario('takes an invalid object that is deleted out of force', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await place.put(wireRoute('b', '10.2.0.0/16'));
    const source = await start();
    await place.put(brokenRoute('a'));
    await until(source, 'a is invalid', ({ invalid }) => invalid.length === 1);
    await place.delete(wireRoute('a'));
    assert.deepEqual((await untilRoutes(source, 'b=10.2.0.0/16')).invalid, []);
  });

  scenario('is complete with an invalid object that came after it was complete', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    const source = await start();
    await place.put(brokenRoute('b'));
    const snapshot = await until(source, 'b is invalid', ({ invalid }) => invalid.length === 1);
    assert.equal(snapshot.invalid[0]?.lastGoodInForce, false);
    assert.equal(snapshot.complete, true);
  });

  scenario('removes nothing while the place is away, and takes up what happened meanwhile', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await place.put(wireRoute('b', '10.2.0.0/16'));
    const source = await start();
    await place.away();
    const away = await until(source, 'it is away', ({ complete }) => !complete);
    assert.equal(routesOf(away), 'a=10.1.0.0/16 b=10.2.0.0/16');
    assert.ok(away.incompleteReason);
    assert.ok(away.problems.length > 0);
    assert.ok(away.asOf === undefined || away.asOf !== '');
    await place.delete(wireRoute('b'));
    await place.put(wireRoute('c', '10.3.0.0/16'));
    await place.back();
    const back = await until(source, 'it is back', ({ complete }) => complete);
    assert.equal(routesOf(back), 'a=10.1.0.0/16 c=10.3.0.0/16');
    assert.deepEqual(back.problems, []);
  });
}

function describeRestarts(scenario: Scenario): void {
  scenario('starts with the last good resources while the place is away', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await start();
    await place.away();
    const source = await start();
    assert.equal(routesOf(source.snapshot()), 'a=10.1.0.0/16');
    assert.equal(source.snapshot().complete, false);
    assert.ok(source.snapshot().incompleteReason);
    await place.back();
    const back = await until(source, 'it is back', ({ complete }) => complete);
    assert.equal(routesOf(back), 'a=10.1.0.0/16');
  });

  scenario('starts incomplete and empty when the place is away and nothing is remembered', async ({ place, start }) => {
    await place.away();
    const source = await start();
    assert.equal(routesOf(source.snapshot()), '');
    assert.equal(source.snapshot().complete, false);
  });

  scenario('starts with the last good version of an invalid object', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await place.put(wireRoute('b', '10.2.0.0/16'));
    await start();
    await place.put(brokenRoute('a'));
    const snapshot = (await start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16 b=10.2.0.0/16');
    assert.equal(snapshot.invalid[0]?.lastGoodInForce, true);
    assert.equal(snapshot.complete, true);
  });

  scenario('is incomplete until an object that was never valid is corrected', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await place.put(brokenRoute('b'));
    const source = await start();
    assert.equal(routesOf(source.snapshot()), 'a=10.1.0.0/16');
    assert.equal(source.snapshot().complete, false);
    assert.match(source.snapshot().incompleteReason ?? '', /\bb\b/);
    await place.put(wireRoute('b', '10.2.0.0/16'));
    assert.equal((await untilRoutes(source, 'a=10.1.0.0/16 b=10.2.0.0/16')).complete, true);
  });

  scenario('forgets what was deleted while it did not run', async ({ place, start }) => {
    await place.put(wireRoute('a', '10.1.0.0/16'));
    await place.put(wireRoute('b', '10.2.0.0/16'));
    await start();
    await place.delete(wireRoute('b'));
    const snapshot = (await start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(snapshot.complete, true);
  });
}
