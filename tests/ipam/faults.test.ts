import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { hold } from '../../src/ipam/provider.contract.ts';
import type { Claim, RecordedHolding } from '../../src/ipam/provider.ts';
import { ManualClock } from '../agent/clock.ts';
import { FAULTS, type FaultName } from './fake/faults.ts';
import { type FakeOptions, FakePhpIpam } from './fake-phpipam.ts';
import { addSubnets, openPool, recorded, takes } from './pools.ts';
import { passTimeOnHang, Tenant, untilDone } from './tenant.ts';

const NAMES = Object.keys(FAULTS) as FaultName[];

/** More than the requests of the whole story: where it ends, no fault was met. */
const LAST = 60;

const WANTED = [
  hold('node-1', '192.168.100.2'),
  hold('node-2', '192.168.100.3'),
  hold('node-1', 'fd00:100::2'),
  hold('node-3', '192.168.100.5', { adopt: true }),
  hold('node-4', '192.168.100.4'),
];

/**
 * One round of all there is to do with one fault at one request. Answers whether the fault was met. `rush`: what is done late is done at the
 * very moment at which it is asked for again, and there is no unique key that would keep the two apart.
 */
async function story(name: FaultName, at: number, rush = false): Promise<boolean> {
  const clock = new ManualClock();
  const fake = await FakePhpIpam.open({ now: () => clock.now(), ...(rush && { version: '1.7.4', pause: turn }) });
  addSubnets(fake);
  fake.database.unique = !rush;
  takes(fake, '192.168.100.4', 'printer-7');
  takes(fake, '192.168.100.5', 'worker-3.old.example');
  passTimeOnHang(fake, clock);
  let met = false;
  let spoiled = '';
  fake.spoil = (_, number, { body }) => {
    if (rush && met && body === spoiled) void fake.finishLate();
    if (number !== at) return undefined;
    met = true;
    spoiled = body;
    return FAULTS[name];
  };
  const provider = openPool(fake, { clock });
  try {
    await untilDone(clock, () => provider.look());
    const claims = await untilDone(clock, () => provider.claim(WANTED));
    const held = checkClaims(fake, claims, rush);
    await fake.finishLate();
    assert.deepEqual(checkClaims(fake, await untilDone(clock, () => provider.claim(WANTED)), rush), held);
    await untilDone(clock, () => provider.release(held));
    await fake.finishLate();
    await new Tenant(provider, clock).tidy();
    assert.deepEqual(recorded(fake), ['192.168.100.4 printer-7']);
  } finally {
    await provider.close();
    await fake.close();
  }
  return met;
}

/** All but what the printer has are held, each recorded once, with the number that was told; `twice`: perhaps again for the same node. */
function checkClaims({ database }: FakePhpIpam, claims: readonly Claim[], twice: boolean): RecordedHolding[] {
  assert.deepEqual(
    claims.map(({ outcome }) => outcome),
    ['held', 'held', 'held', 'held', 'taken'],
  );
  return WANTED.flatMap((holding, i) => {
    const claim = claims[i];
    if (claim?.outcome !== 'held') return [];
    const rows = [7, 9].flatMap((id) => database.find(id, holding.address));
    assert.equal(String(rows[0]?.id), claim.record);
    assert.deepEqual([...new Set(rows.map(({ hostname }) => hostname))], [`${holding.node}.pool`]);
    assert.ok(rows.length === 1 || twice);
    return [{ ...holding, ...(claim.record !== undefined && { record: claim.record }) }];
  });
}

async function storyAfterStory(name: FaultName, rush: boolean): Promise<void> {
  let met = 0;
  while (met < LAST && (await story(name, met + 1, rush))) met++;
  assert.ok(met > 15, `met ${met} times only`);
  assert.ok(met < LAST, 'the story has no end');
}

describe('one fault at each request of looking, claiming and releasing leaks and doubles nothing', () => {
  for (const name of NAMES) it(name, () => storyAfterStory(name, false));

  it('no answer, done while it is asked for again, and no unique key', () => storyAfterStory('no answer, done later', true));
});

/** A small generator with a seed, so that a failed run can be repeated. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('three clusters that share a subnet, with a fault at every eighth request', () => {
  for (const unique of [true, false]) {
    for (const seed of [1, 2, 3, 4, 5]) {
      it(`give no address twice, and leave nothing behind: ${unique ? 'unique key' : 'no unique key'}, seed ${seed}`, async () => {
        const roll = dice(seed);
        const { fronts, tenants } = await openTenants(unique);
        const [fake] = fronts;
        for (const front of fronts)
          front.spoil = () => (roll() < 1 / 8 ? FAULTS[NAMES[Math.floor(roll() * NAMES.length)] ?? 'slow'] : undefined);
        try {
          await Promise.all(tenants.map((tenant) => tenant.serve(names('first', 12), 'a')));
          checkHeld(fake, tenants);
          await Promise.all(tenants.map((tenant) => tenant.release(tenant.held.slice(0, 6))));
          for (const front of fronts) await front.finishLate();
          await Promise.all(tenants.map((tenant) => tenant.serve(names('second', 12), 'a')));
          checkHeld(fake, tenants);
          await Promise.all(tenants.map((tenant) => tenant.release(tenant.held)));
          for (const front of fronts) {
            front.spoil = () => undefined;
            await front.finishLate();
          }
          for (const tenant of tenants) await tenant.tidy();
          assert.deepEqual(recorded(fake), ['192.168.101.5 printer-7']);
        } finally {
          for (const { provider } of tenants) await provider.close();
          for (const front of fronts) await front.close();
        }
      });
    }
  }
});

/** Each tenant has a clock and a web server of its own, so that one who waits does not keep the others waiting. */
async function openTenants(
  unique: boolean,
): Promise<{ readonly fronts: readonly [FakePhpIpam, ...FakePhpIpam[]]; readonly tenants: readonly Tenant[] }> {
  const options: FakeOptions = { pause: turn, version: unique ? '1.8.2' : '1.7.4' };
  const first = await FakePhpIpam.open(options);
  addSubnets(first);
  first.database.unique = unique;
  takes(first, '192.168.101.5', 'printer-7');
  const others = await Promise.all([1, 2].map(() => FakePhpIpam.open({ ...options, database: first.database })));
  const tenants = [first, ...others].map((front, i) => {
    const clock = new ManualClock();
    passTimeOnHang(front, clock);
    return new Tenant(openPool(front, { clock, uid: `uid-${i + 1}`, subnetMap: new Map([['a', [8]]]) }), clock);
  });
  return { fronts: [first, ...others], tenants };
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
}

/** Nobody holds what another holds, and each address that is held is recorded for its holder alone. */
function checkHeld({ database }: FakePhpIpam, tenants: readonly Tenant[]): void {
  const all = tenants.flatMap(({ held }) => held);
  assert.equal(new Set(all.map(({ address }) => address.text)).size, all.length, 'one address is held twice');
  for (const [i, { held }] of tenants.entries()) {
    for (const { node, address } of held) {
      const rows = database.find(8, address).map(({ hostname, owner }) => `${hostname} ${owner}`);
      assert.ok(rows.includes(`${node}.pool fairlead:uid-${i + 1}`), `${address}: ${rows.join(', ')}`);
    }
  }
}
