import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, type ApiObject, type ResourceType } from '../../../src/cluster/api-client.ts';
import type { ClusterEvent, EventSink } from '../../../src/cluster/cluster.ts';
import { FakeApi } from '../../../src/cluster/fake-api.ts';
import { openEvents } from '../../../src/cluster/kubernetes/events.ts';
import { ManualClock } from '../../agent/clock.ts';
import { settle } from '../reflector-stage.ts';

const EVENTS: ResourceType = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };
const about = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', name: 'a', uid: 'u1' } as const;

function event(message: string, more: Partial<ClusterEvent> = {}): ClusterEvent {
  return { about, type: 'Warning', reason: 'NoGateway', message, ...more };
}

class EventStage {
  readonly api = new FakeApi();
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  readonly sink: EventSink;

  constructor(role: 'agent' | 'controller' = 'agent') {
    this.api.serve(EVENTS);
    const reporter = { role, name: 'n1' };
    this.sink = openEvents({ client: this.api, reporter, clock: this.clock, warn: (text) => this.warnings.push(text) });
  }

  get events(): readonly ApiObject[] {
    return this.api.world.list(EVENTS, {}).items;
  }

  async record(...events: readonly ClusterEvent[]): Promise<void> {
    for (const each of events) this.sink.record(each);
    for (let i = 0; i < events.length; i++) await settle();
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds, settle);
  }
}

describe('the events of a cluster', () => {
  it('are about the object, from the agent of the node', async () => {
    const stage = new EventStage();
    await stage.record(event('node n1: no gateway'));
    const [{ metadata, apiVersion, kind, ...fields } = assert.fail()] = stage.events;
    assert.match(metadata.name, /^a\.[0-9a-f]{16}$/);
    assert.equal(metadata.namespace, 'default');
    assert.deepEqual(fields, {
      eventTime: '2027-01-01T00:00:00.000000Z',
      reportingController: 'fairlead.dev/agent',
      reportingInstance: 'n1',
      action: 'Reconcile',
      type: 'Warning',
      reason: 'NoGateway',
      note: 'node n1: no gateway',
      regarding: about,
    });
  });

  it('are from a controller when it says so', async () => {
    const stage = new EventStage('controller');
    await stage.record(event('x'));
    assert.deepEqual([stage.events[0]?.['reportingController'], stage.events[0]?.['reportingInstance']], ['fairlead.dev/controller', 'n1']);
  });

  it('live in the namespace of their object', async () => {
    const stage = new EventStage();
    await stage.record(event('x', { about: { ...about, namespace: 'shop' } }));
    assert.equal(stage.events[0]?.metadata.namespace, 'shop');
  });

  it('count what happens again within ten minutes', async () => {
    const stage = new EventStage();
    await stage.record(event('x'));
    await stage.advance(60_000);
    await stage.record(event('x'), event('x'), event('x'));
    assert.deepEqual(
      stage.events.map((each) => each['series']),
      [{ count: 2, lastObservedTime: '2027-01-01T00:01:00.000000Z' }],
    );
    await stage.advance(60_000);
    await stage.record(event('x'));
    assert.deepEqual(
      stage.events.map((each) => each['series']),
      [{ count: 5, lastObservedTime: '2027-01-01T00:02:00.000000Z' }],
    );
    await stage.advance(600_000);
    await stage.record(event('x'));
    assert.equal(stage.events.length, 2);
  });

  it('are apart when they say something else', async () => {
    const stage = new EventStage();
    await stage.record(event('x'), event('y'), event('x', { reason: 'Conflict' }), event('x', { about: { ...about, name: 'b' } }));
    assert.equal(stage.events.length, 4);
  });

  it('are twenty at once, then one in three seconds', async () => {
    const stage = new EventStage();
    await stage.record(...Array.from({ length: 50 }, (_, i) => event(`x${i}`)));
    assert.equal(stage.events.length, 20);
    assert.deepEqual(stage.warnings, ['events of agent n1 are not recorded: there are too many of them at once']);
    await stage.advance(6_000);
    await stage.record(...Array.from({ length: 50 }, (_, i) => event(`y${i}`)));
    assert.equal(stage.events.length, 22);
  });

  it('are lost while the cluster is away, with one warning until it is back', async () => {
    const stage = new EventStage();
    stage.api.away();
    await stage.record(event('x'), event('y'));
    assert.equal(stage.warnings.length, 1);
    assert.match(stage.warnings[0] ?? '', /cannot reach/);
    stage.api.back();
    await stage.record(event('z'));
    stage.api.away();
    await stage.record(event('w'));
    assert.deepEqual([stage.events.length, stage.warnings.length], [1, 2]);
  });

  it('say which right is missing', async () => {
    const stage = new EventStage();
    stage.api.before = () => {
      throw new ApiError('no', { status: 403, reason: 'Forbidden' });
    };
    await stage.record(event('x'));
    assert.match(stage.warnings[0] ?? '', /; grant the verbs create and patch on events\.events\.k8s\.io$/);
  });

  it('are cut to what the API server takes', async () => {
    const stage = new EventStage();
    const name = 'n'.repeat(253);
    await stage.record(event('ä'.repeat(2_000), { about: { ...about, name } }));
    const [written] = stage.events;
    assert.ok(Buffer.byteLength(String(written?.['note'])) <= 1024);
    assert.match(String(written?.['note']), /^ä+\.\.\.$/);
    assert.ok((written?.metadata.name.length ?? 0) <= 253);
  });

  it('have names that the API server takes, wherever the name of their object is cut', async () => {
    const stage = new EventStage();
    for (const last of ['.', '-']) {
      const name = `${'n'.repeat(229)}${last}${'n'.repeat(20)}`;
      await stage.record(event('x', { about: { ...about, name } }));
    }
    for (const { metadata } of stage.events) assert.match(metadata.name, /^n{229}\.[0-9a-f]{16}$/);
  });

  it('do not pile up while the API server does not answer', async () => {
    const stage = new EventStage();
    const first = Promise.withResolvers<void>();
    stage.api.before = () => first.promise;
    for (let i = 0; i < 100; i++) {
      await stage.advance(3_000);
      stage.sink.record(event(`x${i}`));
    }
    assert.deepEqual(stage.warnings, ['events of agent n1 are not recorded: those before them are still under way']);
    stage.api.before = () => undefined;
    first.resolve();
    for (let i = 0; i < 30; i++) await settle();
    assert.equal(stage.events.length, 20);
  });

  it('are remembered for their series within bounds', async () => {
    const stage = new EventStage();
    await stage.record(event('first'));
    for (let i = 0; i < 5_000; i++) stage.sink.record(event(`x${i}`));
    await stage.advance(60_000);
    await stage.record(event('first'));
    assert.equal(stage.events.filter((each) => each['note'] === 'first').length, 2);
  });
});
