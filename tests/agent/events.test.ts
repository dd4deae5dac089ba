import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventsOf } from '../../src/agent/events.ts';
import type { DriftReport, NodeReport, ResourceReport } from '../../src/api/kinds/node-report.ts';

const RESOURCE: ResourceReport = { kind: 'StaticRoute', name: 'a', uid: 'u1', ready: true, reason: 'Ready', message: '1 route' };
const CONFLICT: ResourceReport = { ...RESOURCE, ready: false, reason: 'Conflict', message: 'b is older' };
const DRIFT: DriftReport = {
  object: 'route 10.2.0.0/16',
  event: 'RouteDeleted',
  cause: 'deleted by another process',
  count: 1,
  lastTime: '2027-01-31T12:00:00Z',
  restoredMicros: 400,
};

function report(resources: readonly ResourceReport[], drift: readonly DriftReport[] = []): NodeReport {
  const status = {
    summary: { ready: '', problems: 0, drift: 0 },
    resources,
    problems: [],
    drift,
    facts: { kernel: '6.1', links: [], gateways: [], rpFilterAll: 0 },
    lastSync: '2027-01-31T12:00:00Z',
    complete: true,
    conditions: [],
  };
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'NodeReport', metadata: { name: 'n1' }, status };
}

/** `Warning Conflict StaticRoute a: node n1: b is older` */
function lines(now: NodeReport, before?: NodeReport): string[] {
  return eventsOf(now, before).map(({ about, type, reason, message }) => `${type} ${reason} ${about.kind} ${about.name}: ${message}`);
}

describe('events', () => {
  it('say nothing of what is fine from the start, or as it was', () => {
    assert.deepEqual(lines(report([RESOURCE])), []);
    assert.deepEqual(lines(report([RESOURCE]), report([RESOURCE])), []);
    assert.deepEqual(lines(report([CONFLICT]), report([CONFLICT])), []);
  });

  it('name trouble, its change, and its end', () => {
    const conflict = 'Warning Conflict StaticRoute a: node n1: b is older';
    assert.deepEqual(lines(report([CONFLICT])), [conflict]);
    assert.deepEqual(lines(report([CONFLICT]), report([RESOURCE])), [conflict]);
    assert.equal(eventsOf(report([CONFLICT]), undefined)[0]?.about.uid, 'u1');
    const shadowed = { ...CONFLICT, reason: 'Shadowed', message: 'a better one is there' };
    assert.deepEqual(lines(report([shadowed]), report([CONFLICT])), ['Warning Shadowed StaticRoute a: node n1: a better one is there']);
    assert.deepEqual(lines(report([RESOURCE]), report([CONFLICT])), ['Normal Mended StaticRoute a: node n1: 1 route']);
    assert.deepEqual(lines(report([]), report([CONFLICT])), []);
  });

  it('tell of an object that was made anew under the same name, for it is another one', () => {
    const anew = { ...CONFLICT, uid: 'u2' };
    assert.deepEqual(lines(report([anew]), report([CONFLICT])), ['Warning Conflict StaticRoute a: node n1: b is older']);
    assert.deepEqual(lines(report([{ ...RESOURCE, uid: 'u2' }]), report([CONFLICT])), []);
  });

  it('name who did it once', () => {
    const drift = { ...DRIFT, cause: 'deleted by bird', process: 'bird' };
    assert.deepEqual(lines(report([], [drift])), ['Warning RouteDeleted Node n1: node n1: route 10.2.0.0/16: deleted by bird; restored']);
  });

  it('tell of each change from outside, on the node', () => {
    const once = report([RESOURCE], [DRIFT]);
    const expected = 'Warning RouteDeleted Node n1: node n1: route 10.2.0.0/16: deleted by another process; restored';
    assert.deepEqual(lines(once, report([RESOURCE])), [expected]);
    assert.deepEqual(lines(once, once), []);
    assert.deepEqual(lines(report([RESOURCE], [{ ...DRIFT, count: 2 }]), once), [expected]);
  });
});
