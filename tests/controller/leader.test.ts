import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ApiObject } from '../../src/cluster/api-client.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';
import { FakeApiServer } from '../../src/cluster/fake-api-server.ts';
import { Elector } from '../../src/controller/leader.ts';
import { decideLease, LEASE_NAME, LEASES, type Lease, readLease } from '../../src/controller/lease.ts';
import { ProcessClock, settle, Time } from './time.ts';

const NAMESPACE = 'fairlead';

class Candidate {
  readonly api: FakeApi;
  readonly clock: ProcessClock;
  readonly elector: Elector;
  readonly told: boolean[] = [];
  readonly log: string[] = [];

  constructor(name: string, time: Time, world: FakeApiServer, origin: number) {
    this.api = new FakeApi(world);
    this.clock = new ProcessClock(time, origin);
    const say = (message: string): void => void this.log.push(message);
    this.elector = new Elector(
      { client: this.api, clock: this.clock, log: { info: say, warn: say, error: say } },
      { namespace: NAMESPACE, identity: name, onChange: (leads) => this.told.push(leads), onBug: assert.ifError, random: () => 0.5 },
    );
  }
}

function stage(): { time: Time; world: FakeApiServer; a: Candidate; b: Candidate; leaders: () => string; lease: () => ApiObject } {
  const time = new Time();
  const world = new FakeApiServer();
  world.serve(LEASES);
  const a = new Candidate('a', time, world, 5_000);
  const b = new Candidate('b', time, world, 900_000);
  return {
    time,
    world,
    a,
    b,
    leaders: () => [a.elector.leads && 'a', b.elector.leads && 'b'].filter(Boolean).join(' and '),
    lease: () => world.get(LEASES, { namespace: NAMESPACE, name: LEASE_NAME }),
  };
}

const never2 = (leaders: () => string) => () => assert.notEqual(leaders(), 'a and b');

async function started(): Promise<ReturnType<typeof stage>> {
  const all = stage();
  all.a.elector.start();
  await settle();
  all.b.elector.start();
  await all.time.advance(5_000, never2(all.leaders));
  assert.equal(all.leaders(), 'a');
  return all;
}

describe('the Lease', () => {
  const held = (holder: string): Lease => ({
    holder,
    durationMs: 15_000,
    acquired: undefined,
    transitions: 0,
    metadata: { name: LEASE_NAME, uid: 'u', resourceVersion: '7' },
  });

  it('is created when missing, taken when free, renewed when ours, and waited for otherwise', () => {
    const decide = (lease: Lease | undefined, age: number, deletedFrom = ''): string =>
      decideLease({ lease, since: 1_000, deletedFrom }, 'me', 1_000 + age).type;
    assert.equal(decide(undefined, 0), 'create');
    assert.equal(decide(undefined, 14_999, 'other'), 'wait');
    assert.equal(decide(undefined, 15_000, 'other'), 'create');
    assert.equal(decide(undefined, 0, 'me'), 'create');
    assert.equal(decide(held(''), 0), 'replace');
    assert.equal(decide(held('me'), 0), 'replace');
    assert.equal(decide(held('me'), 99_000), 'replace');
    assert.equal(decide(held('other'), 14_999), 'wait');
    assert.equal(decide(held('other'), 15_000), 'replace');
  });

  it('of another is honoured for its own duration, within reason', () => {
    const durationOf = (leaseDurationSeconds: unknown): number =>
      readLease({
        apiVersion: LEASES.apiVersion,
        kind: 'Lease',
        metadata: { name: LEASE_NAME, uid: 'u', resourceVersion: '7' },
        spec: { holderIdentity: 'x', leaseDurationSeconds },
      }).durationMs;
    assert.deepEqual([1, 15, 30, 1e9, undefined, 'x'].map(durationOf), [15_000, 15_000, 30_000, 60_000, 15_000, 15_000]);
  });

  it('is written as client-go reads it, and keeps the labels of others', async () => {
    const { time, world, a, lease } = stage();
    a.elector.start();
    await settle();
    assert.deepEqual(lease()['spec'], {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2027-01-01T00:00:00.000000Z',
      renewTime: '2027-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    world.put(LEASES, { ...lease(), metadata: { ...lease().metadata, labels: { team: 'net' } } });
    await time.advance(10_000);
    assert.equal(a.elector.leads, true);
    assert.deepEqual(lease().metadata.labels, { team: 'net' });
    const spec = lease()['spec'] as Record<string, unknown>;
    assert.deepEqual([spec['acquireTime'], spec['leaseTransitions']], ['2027-01-01T00:00:00.000000Z', 0]);
  });
});

describe('of two controllers', () => {
  it('one leads, for as long as it renews', async () => {
    const { time, leaders, a, b } = await started();
    await time.advance(600_000, () => assert.equal(leaders(), 'a'));
    assert.deepEqual([a.told, b.told], [[true], []]);
    assert.deepEqual(b.log, ['not the leader: that is a']);
  });

  it('the other takes over within seconds when the leader ends in order', async () => {
    const { time, leaders, a, lease } = await started();
    await a.elector.close();
    assert.equal(leaders(), '');
    assert.equal((lease()['spec'] as Record<string, unknown>)['holderIdentity'], '');
    await time.advance(3_000);
    assert.equal(leaders(), 'b');
    assert.equal((lease()['spec'] as Record<string, unknown>)['leaseTransitions'], 1);
  });

  it('the other takes over when the leader is cut off, after it has stopped', async () => {
    const { time, leaders, a, b } = await started();
    a.api.away();
    const seen: string[] = [];
    await time.advance(30_000, () => {
      if (seen.at(-1) !== leaders()) seen.push(leaders());
    });
    assert.deepEqual(seen, ['a', '', 'b']);
    a.api.back();
    await time.advance(60_000, () => assert.equal(leaders(), 'b'));
    assert.deepEqual([a.told, b.told], [[true, false], [true]]);
  });

  it('the leader stops ten seconds after it sent its last renewal, however late the answer to that came', async () => {
    const { time, a, lease } = await started();
    a.api.before = ({ verb }) => (verb === 'replace' ? new Promise((resolve) => a.clock.after(3_000, resolve)) : undefined);
    await time.advance(20_000, () => assert.equal(a.elector.leads, true));
    const renewed = (): number => Date.parse(String((lease()['spec'] as Record<string, unknown>)['renewTime'])) - Date.UTC(2027, 0, 1);
    a.api.away();
    let leadUntil = 0;
    await time.advance(20_000, () => {
      if (a.elector.leads) leadUntil = time.now;
    });
    assert.ok(leadUntil < renewed() + 10_000, `${leadUntil} ${renewed()}`);
    assert.equal(a.elector.leads, false);
  });

  it('the leader goes on when it was cut off and nobody took over', async () => {
    const { time, leaders, a, b } = await started();
    a.api.away();
    b.api.away();
    await time.advance(60_000, never2(leaders));
    assert.equal(leaders(), '');
    b.api.back();
    a.api.back();
    await time.advance(3_000, never2(leaders));
    assert.notEqual(leaders(), '');
  });

  it('one that can read but not write does not lead, and stops leading', async () => {
    const { time, leaders, a } = await started();
    a.api.before = ({ verb }) => {
      if (verb === 'replace' || verb === 'create') throw new ApiError('forbidden', { status: 403, reason: 'Forbidden' });
    };
    await time.advance(40_000, never2(leaders));
    assert.equal(leaders(), 'b');
    assert.deepEqual(a.told, [true, false]);
  });

  it('one that can write but not read cannot take what it has not seen', async () => {
    const { time, leaders, b } = await started();
    b.api.before = ({ verb }) => {
      if (verb === 'get') throw new ApiError('no answer', { status: 0, reason: 'Timeout' });
    };
    await time.advance(60_000, () => assert.equal(leaders(), 'a'));
  });

  it('neither minds what the wall clocks say', async () => {
    const { time, leaders, a, b } = await started();
    a.clock.skew = -86_400_000;
    b.clock.skew = 86_400_000;
    await time.advance(120_000, () => assert.equal(leaders(), 'a'));
    a.clock.skew = 3_600_000;
    await time.advance(120_000, () => assert.equal(leaders(), 'a'));
  });

  it('one that was stopped for longer than the Lease does not lead when it runs again', async () => {
    const { time, leaders, a } = await started();
    a.clock.paused = true;
    await time.advance(9_000, never2(leaders));
    await time.advance(20_000, never2(leaders));
    assert.equal(leaders(), 'b');
    a.clock.paused = false;
    assert.equal(a.elector.leads, false, 'before anything of it has run');
    await time.advance(60_000, () => assert.equal(leaders(), 'b'));
  });

  it('a renewal whose answer was lost is recognised', async () => {
    const { time, leaders, a } = await started();
    let lost = 0;
    const { world } = a.api;
    const replace = world.replace.bind(world);
    world.replace = (...args) => {
      const written = replace(...args);
      if (++lost === 1) throw new ApiError('connection reset', { status: 0, reason: 'Unreachable' });
      return written;
    };
    await time.advance(30_000, () => assert.equal(leaders(), 'a'));
    assert.ok(lost > 1);
  });

  it('a request that is never answered costs a few seconds, not the lead', async () => {
    const { time, leaders, a } = await started();
    let hung = 0;
    a.api.before = ({ verb }) => (verb === 'replace' && hung++ === 0 ? new Promise(() => {}) : undefined);
    await time.advance(30_000, () => assert.equal(leaders(), 'a'));
    assert.ok(hung > 1);
  });

  it('the leader makes a new Lease when somebody deletes it', async () => {
    const { time, world, leaders } = await started();
    world.delete(LEASES, { namespace: NAMESPACE, name: LEASE_NAME });
    await time.advance(20_000, never2(leaders));
    assert.notEqual(leaders(), '');
  });

  it('the other waits when somebody deletes the Lease of a leader that is cut off', async () => {
    const { time, world, leaders, a } = await started();
    a.api.away();
    world.delete(LEASES, { namespace: NAMESPACE, name: LEASE_NAME });
    await time.advance(20_000, never2(leaders));
    assert.equal(leaders(), 'b');
  });
});

describe('two controllers, whatever happens to them', () => {
  const fault = fc.record({
    who: fc.constantFrom('a' as const, 'b' as const),
    what: fc.constantFrom(
      'away' as const,
      'back' as const,
      'mute' as const,
      'deaf' as const,
      'slow' as const,
      'pause' as const,
      'go' as const,
      'jump' as const,
    ),
    lasts: fc.integer({ min: 0, max: 25_000 }),
  });

  it('never lead at the same time, and one does once all is well again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 25 }), async (faults) => {
        const all = stage();
        const { time, leaders } = all;
        for (const { elector } of [all.a, all.b]) elector.start();
        for (const { who, what, lasts } of faults) {
          inflict(all[who], what);
          await time.advance(lasts, never2(leaders));
        }
        for (const one of [all.a, all.b]) for (const what of ['back', 'go'] as const) inflict(one, what);
        await time.advance(40_000, never2(leaders));
        assert.notEqual(leaders(), '');
      }),
      { numRuns: 60 },
    );
  });
});

function inflict({ api, clock }: Candidate, what: 'away' | 'back' | 'mute' | 'deaf' | 'slow' | 'pause' | 'go' | 'jump'): void {
  const refuse = (verbs: readonly string[]) => {
    api.before = ({ verb }) => {
      if (verbs.includes(verb)) throw new ApiError('lost', { status: 0, reason: 'Unreachable' });
    };
  };
  if (what === 'away') api.away();
  else if (what === 'mute') refuse(['create', 'replace']);
  else if (what === 'deaf') refuse(['get']);
  else if (what === 'slow') api.before = () => new Promise((resolve) => clock.after(3_500, resolve));
  else if (what === 'pause') clock.paused = true;
  else if (what === 'go') clock.paused = false;
  else if (what === 'jump') clock.skew += 7_200_000;
  else {
    api.back();
    api.before = () => {};
  }
}
