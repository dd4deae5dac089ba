import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Address } from '../core/ip/address.ts';
import { allocate } from './allocate.ts';
import type { Claim, Holding, IpamProvider, IpamRecord, RecordedHolding } from './provider.ts';

/**
 * A provider of a pool with three ranges: 192.168.100.0/29 and then 192.168.101.0/24 for zone `a`, fd00:100::/64 for every zone; the gateway
 * of each is its first address but one. Nothing else is recorded.
 */
export interface IpamHarness {
  readonly provider: IpamProvider;
  /** Another process for the same pool of the same cluster. */
  another(): IpamProvider;
  /** Present when addresses are recorded somewhere. */
  readonly elsewhere?: Elsewhere;
  close(): Promise<void>;
}

/** Whoever else works with the system in which addresses are recorded. */
export interface Elsewhere {
  /** Another pool of the same cluster, on the same ranges. */
  anotherPool(): IpamProvider;
  /** The same pool of another cluster. */
  anotherCluster(): IpamProvider;
  /** A person records an address, or makes one that is recorded his own. */
  takes(address: string, name: string): Promise<void>;
  /** What is recorded now, but for the gateways: `192.168.100.2 node-1.pool`. */
  recorded(): Promise<readonly string[]>;
}

/** A guard against a test that waits for ever; nothing depends on it. */
const HANG = 60_000;

type Scenario = (title: string, run: (harness: IpamHarness) => Promise<void>) => void;

/** What every implementation of IpamProvider does. `open` makes a fresh one. */
export function describeProvider(name: string, open: () => Promise<IpamHarness>): void {
  const scenario: Scenario = (title, run) => {
    it(title, { timeout: HANG }, async () => {
      const harness = await open();
      try {
        await run(harness);
      } finally {
        await harness.close();
      }
    });
  };
  describe(`${name} as a provider of addresses`, () => describeAll(scenario));
}

/** The part of the contract that concerns whatever is recorded elsewhere. */
export function describeRecords(name: string, open: () => Promise<IpamHarness & { readonly elsewhere: Elsewhere }>): void {
  describe(`${name} as a keeper of records`, () => {
    for (const [title, run] of Object.entries({ ...RECORDING, ...RELEASING, ...ADOPTING, ...RACING })) {
      it(title, { timeout: HANG }, async () => {
        const harness = await open();
        try {
          await run(harness);
        } finally {
          await harness.close();
        }
      });
    }
  });
}

export function hold(node: string, address: string, change: { readonly adopt?: boolean } = {}): Holding {
  return { node, address: Address.parse(address), ...change };
}

function describeAll(scenario: Scenario): void {
  scenario('shows its ranges, in the order in which they are used', async ({ provider }) => {
    const { ranges, problems } = await provider.look();
    assert.deepEqual(
      ranges.map(({ zone, subnet, gateway }) => `${zone ?? 'every zone'}: ${subnet} via ${gateway}`),
      ['a: 192.168.100.0/29 via 192.168.100.1', 'a: 192.168.101.0/24 via 192.168.101.1', 'every zone: fd00:100::/64 via fd00:100::1'],
    );
    assert.deepEqual(problems, []);
    assert.ok(ranges.every(({ closed }) => !closed));
    assert.deepEqual(nodesOf(await recordsOf(provider)), {});
  });

  scenario('lets nodes have addresses of both families, and lets them have them again', async ({ provider, another }) => {
    const holdings = [hold('node-1', '192.168.100.2'), hold('node-1', 'fd00:100::2'), hold('node-2', '192.168.100.3')];
    const claims = await provider.claim(holdings);
    assert.deepEqual(outcomesOf(claims), ['held', 'held', 'held']);
    assert.deepEqual(await provider.claim(holdings), claims);
    assert.deepEqual(await another().claim(holdings), claims);
  });

  scenario('answers in the order in which it was asked', async ({ provider }) => {
    const nodes = Array.from({ length: 20 }, (_, i) => hold(`node-${i}`, `192.168.101.${200 - i}`));
    const claims = await provider.claim(nodes);
    const again = await provider.claim(nodes.toReversed());
    assert.deepEqual(again.toReversed(), claims);
    assert.equal(claims.length, 20);
  });

  scenario('does nothing when nothing is asked for', async ({ provider }) => {
    assert.deepEqual(await provider.claim([]), []);
    await provider.release([]);
  });

  scenario('releases, also what is released already, and lets others have it then', async ({ provider }) => {
    const held = await claimed(provider, hold('node-1', '192.168.100.2'));
    await provider.release([held]);
    await provider.release([held]);
    assert.deepEqual(outcomesOf(await provider.claim([hold('node-2', '192.168.100.2')])), ['held']);
  });

  scenario('leaves alone what has no record', async ({ provider }) => {
    await claimed(provider, hold('node-1', '192.168.100.2'));
    await provider.release([hold('node-1', '192.168.100.2')]);
    assert.deepEqual(outcomesOf(await provider.claim([hold('node-1', '192.168.100.2')])), ['held']);
  });
}

type Cases = Readonly<Record<string, (harness: IpamHarness & { readonly elsewhere: Elsewhere }) => Promise<void>>>;

const RECORDING: Cases = {
  'shows for which node an address is recorded': async ({ provider, another, elsewhere }) => {
    const { record } = await claimed(provider, hold('node-1', '192.168.100.2'));
    await claimed(provider, hold('node-1', 'fd00:100::2'));
    await elsewhere.takes('192.168.100.4', 'printer-7');
    const records = await recordsOf(another());
    assert.deepEqual(nodesOf(records), { '192.168.100.2': 'node-1', '192.168.100.4': undefined, 'fd00:100::2': 'node-1' });
    assert.equal(records.get('192.168.100.2')?.record, record);
    assert.match(records.get('192.168.100.4')?.holder ?? '', /printer-7/);
  },

  'gives nobody what another node, pool, cluster or person has': async ({ provider, elsewhere }) => {
    await claimed(provider, hold('node-1', '192.168.100.2'));
    await claimed(elsewhere.anotherPool(), hold('node-2', '192.168.100.3'));
    await claimed(elsewhere.anotherCluster(), hold('node-2', '192.168.100.4'));
    await elsewhere.takes('192.168.100.5', 'printer-7');
    const wanted = ['192.168.100.2', '192.168.100.3', '192.168.100.4', '192.168.100.5', '192.168.100.6'];
    const claims = await provider.claim(wanted.map((address) => hold('node-2', address)));
    assert.deepEqual(outcomesOf(claims), ['taken', 'taken', 'taken', 'taken', 'held']);
    assert.match(takenBy(claims[0]), /node-1/);
    assert.match(takenBy(claims[3]), /printer-7/);
    assert.equal((await elsewhere.recorded()).length, 5);
  },

  'calls nothing of another pool or cluster its own': async ({ provider, elsewhere }) => {
    await claimed(elsewhere.anotherPool(), hold('node-1', '192.168.100.2'));
    await claimed(elsewhere.anotherCluster(), hold('node-1', '192.168.100.3'));
    assert.deepEqual(nodesOf(await recordsOf(provider)), { '192.168.100.2': undefined, '192.168.100.3': undefined });
  },

  'gives nobody the gateway, nor an address that is in no range': async ({ provider, elsewhere }) => {
    const claims = await provider.claim([hold('node-1', '192.168.100.1'), hold('node-1', '10.9.9.9'), hold('node-1', '192.168.100.7')]);
    assert.deepEqual(outcomesOf(claims), ['taken', 'taken', 'taken']);
    assert.deepEqual(await elsewhere.recorded(), []);
  },
};

const RELEASING: Cases = {
  'takes away what is released, and nothing else': async ({ provider, elsewhere }) => {
    const first = await claimed(provider, hold('node-1', '192.168.100.2'));
    await claimed(provider, hold('node-2', '192.168.100.3'));
    await provider.release([first]);
    assert.deepEqual(await elsewhere.recorded(), ['192.168.100.3 node-2.pool']);
  },

  'leaves alone what a person has made his own': async ({ provider, elsewhere }) => {
    const held = await claimed(provider, hold('node-1', '192.168.100.2'));
    await elsewhere.takes('192.168.100.2', 'printer-7');
    await provider.release([held]);
    assert.deepEqual(await elsewhere.recorded(), ['192.168.100.2 printer-7']);
    assert.deepEqual(outcomesOf(await provider.claim([hold('node-1', '192.168.100.2')])), ['taken']);
  },

  'leaves alone the record of another node, address, pool or cluster': async ({ provider, elsewhere }) => {
    const { record = '' } = await claimed(provider, hold('node-1', '192.168.100.2'));
    await provider.release([
      { ...hold('node-2', '192.168.100.2'), record },
      { ...hold('node-1', '192.168.100.3'), record },
    ]);
    await elsewhere.anotherPool().release([{ ...hold('node-1', '192.168.100.2'), record }]);
    await elsewhere.anotherCluster().release([{ ...hold('node-1', '192.168.100.2'), record }]);
    await provider.release([{ ...hold('node-1', '192.168.100.2'), record: `${record}abc` }]);
    assert.deepEqual(await elsewhere.recorded(), ['192.168.100.2 node-1.pool']);
  },
};

const ADOPTING: Cases = {
  'takes over what somebody has recorded for a node before, when it is told to': async ({ provider, elsewhere }) => {
    await elsewhere.takes('192.168.100.2', 'worker-1.old.example');
    await elsewhere.takes('192.168.100.3', 'worker-2.old.example');
    const claims = await provider.claim([hold('node-1', '192.168.100.2', { adopt: true }), hold('node-2', '192.168.100.3')]);
    assert.deepEqual(outcomesOf(claims), ['held', 'taken']);
    assert.deepEqual(await elsewhere.recorded(), ['192.168.100.2 node-1.pool', '192.168.100.3 worker-2.old.example']);
    assert.deepEqual(await provider.claim([hold('node-1', '192.168.100.2', { adopt: true })]), claims.slice(0, 1));
  },

  'takes over nothing from another node, pool or cluster, nor the gateway': async ({ provider, elsewhere }) => {
    await claimed(provider, hold('node-1', '192.168.100.2'));
    await claimed(elsewhere.anotherPool(), hold('node-2', '192.168.100.3'));
    await claimed(elsewhere.anotherCluster(), hold('node-2', '192.168.100.4'));
    const wanted = ['192.168.100.1', '192.168.100.2', '192.168.100.3', '192.168.100.4'];
    const claims = await provider.claim(wanted.map((address) => hold('node-2', address, { adopt: true })));
    assert.deepEqual(outcomesOf(claims), ['taken', 'taken', 'taken', 'taken']);
  },

  'records what is to be taken over and is not there': async ({ provider, elsewhere }) => {
    assert.deepEqual(outcomesOf(await provider.claim([hold('node-1', '192.168.100.2', { adopt: true })])), ['held']);
    assert.deepEqual(await elsewhere.recorded(), ['192.168.100.2 node-1.pool']);
  },
};

const RACING: Cases = {
  'gives one address to one of many who ask at the same time': async ({ another, elsewhere }) => {
    const providers = Array.from({ length: 6 }, another);
    const claims = await Promise.all(providers.map((each, i) => each.claim([hold(`node-${i}`, '192.168.101.50')])));
    assert.deepEqual(outcomesOf(claims.flat()).sort(), ['held', 'taken', 'taken', 'taken', 'taken', 'taken']);
    assert.equal((await elsewhere.recorded()).length, 1);
  },

  'lets three serve their nodes at the same time, and no address goes to two': async ({ another, elsewhere }) => {
    const held = (await Promise.all(['x', 'y', 'z'].map((each) => serve(another(), nodesNamed(each, 30))))).flat();
    assert.equal(held.length, 90);
    assert.equal(new Set(held.map(({ address }) => address.text)).size, 90);
    const expected = held.map(({ node, address }) => `${address} ${node}.pool`);
    assert.deepEqual([...(await elsewhere.recorded())].sort(), expected.sort());
  },
};

function nodesNamed(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** Allocates and claims until every node has an IPv4 address, as one who knows only what he looks at. */
async function serve(provider: IpamProvider, nodes: readonly string[]): Promise<readonly Holding[]> {
  const held: Holding[] = [];
  while (held.length < nodes.length) {
    const { ranges } = await provider.look();
    const waiting = nodes.filter((node) => held.every((each) => each.node !== node));
    const wishes = waiting.slice(0, 7).map((node) => ({ node, zone: 'a', families: [4] as const }));
    const chosen = allocate(wishes, ranges, new Set(held.map(({ address }) => address.text)));
    const holdings = chosen.flatMap((each) =>
      (each.outcome === 'allocated' ? each.addresses : []).map(({ address }) => ({ node: each.node, address })),
    );
    const claims = await provider.claim(holdings);
    held.push(...holdings.filter((_, i) => claims[i]?.outcome === 'held'));
  }
  return held;
}

/** Claims what must be free. */
async function claimed(provider: IpamProvider, holding: Holding): Promise<RecordedHolding> {
  const [claim] = await provider.claim([holding]);
  assert.equal(claim?.outcome, 'held');
  return { ...holding, ...(claim.record !== undefined && { record: claim.record }) };
}

async function recordsOf(provider: IpamProvider): Promise<ReadonlyMap<string, IpamRecord>> {
  const { ranges } = await provider.look();
  return new Map(ranges.flatMap(({ records, gateway }) => [...records].filter(([text]) => text !== gateway.text)));
}

function nodesOf(records: ReadonlyMap<string, IpamRecord>): Record<string, string | undefined> {
  return Object.fromEntries([...records].map(([text, { node }]) => [text, node]).sort());
}

function outcomesOf(claims: readonly Claim[]): string[] {
  return claims.map(({ outcome }) => outcome);
}

function takenBy(claim: Claim | undefined): string {
  return claim?.outcome === 'taken' ? claim.by : '';
}
