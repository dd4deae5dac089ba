import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withFittingLists } from '../../src/agent/report-size.ts';
import type { ResourceReport } from '../../src/api/kinds/node-report.ts';
import { hugeLists } from './huge-report.ts';

/** etcd's, of which the rest of the object needs little. */
const LIMIT = 1.5 * 1024 * 1024;

const ready = (i: number): ResourceReport => ({ kind: 'StaticRoute', name: `r${i}`, ready: true, reason: 'Ready', message: '1 route' });

describe('a report that would be too large', () => {
  it('has all that fails, says what is not in it, and counts everything', () => {
    const lists = hugeLists(12_000, 300);
    const { resources, problems, drift, summary } = withFittingLists(lists, 'n1');
    assert.ok(JSON.stringify({ resources, problems, drift }).length < LIMIT * 0.95);
    assert.deepEqual(
      resources.filter((resource) => !resource.ready).map(({ name }) => name),
      lists.resources.filter((resource) => !resource.ready).map(({ name }) => name),
    );
    assert.ok(resources.length > 2500, `${resources.length}`);
    const omitted = 12_000 - resources.length;
    assert.match(problems[0]?.message ?? '', new RegExp(`^node n1 has 12000 resources, .*: ${omitted} resources are not in it; select`));
    assert.equal(summary.ready, '11700/12000');
  });

  it('keeps some of everything when all of its lists are long', () => {
    const { resources } = hugeLists(12_000, 12_000);
    const problems = Array.from({ length: 4000 }, (_, i) => ({ source: `f${i}.yaml`, message: 'm'.repeat(1000) }));
    const drift = Array.from({ length: 4000 }, (_, i) => ({
      object: `route 10.0.${i}.0/24`,
      event: 'RouteDeleted' as const,
      cause: 'c'.repeat(1000),
      count: 1,
      lastTime: '2027-01-31T12:00:00Z',
    }));
    const fitting = withFittingLists({ resources, problems, drift }, 'n1');
    const { summary, ...lists } = fitting;
    assert.ok(JSON.stringify(lists).length < LIMIT * 0.95);
    assert.deepEqual(summary, { ready: '0/12000', problems: 4000, drift: 4000 });
    for (const list of [fitting.resources, fitting.problems, fitting.drift]) assert.ok(list.length > 100);
  });

  it('fits also when its texts are not ASCII, of which a character takes up to three bytes', () => {
    const message = `"${'日本語'.repeat(21)}" is no address`;
    const resources = hugeLists(9_000, 0).resources.map((resource) => ({ ...resource, ready: false, message }));
    const problems = Array.from({ length: 4000 }, (_, i) => ({ source: `${i}.yaml`, message: message.repeat(4) }));
    const { summary: _, ...lists } = withFittingLists({ resources, problems, drift: [] }, 'n1');
    assert.ok(Buffer.byteLength(JSON.stringify(lists)) < LIMIT * 0.95);
  });

  it('that is not one stays as it is', () => {
    const lists = { resources: Array.from({ length: 5000 }, (_, i) => ready(i)), problems: [], drift: [] };
    const { summary, ...rest } = withFittingLists(lists, 'n1');
    assert.deepEqual(rest, lists);
    assert.equal(summary.ready, '5000/5000');
  });
});
