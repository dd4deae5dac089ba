import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { formatErrors } from '../../src/api/errors.ts';
import { nodeReportKind, parseNodeReport, summarize } from '../../src/api/kinds/node-report.ts';

const report = () => parse(nodeReportKind.example) as { status: Record<string, unknown> };

test('the example of the reference page is a report', () => {
  const parsed = parseNodeReport(report());
  assert.deepEqual(parsed, { ok: true, value: report() });
});

test('fields of a newer agent are dropped', () => {
  const newer = report();
  const parsed = parseNodeReport({ ...newer, status: { ...newer.status, mood: 'good' } });
  assert.deepEqual(parsed, { ok: true, value: report() });
});

const REJECTED: Readonly<Record<string, readonly [status: Record<string, unknown>, text: string]>> = {
  'no lastSync': [{ lastSync: undefined }, 'status.lastSync: is missing'],
  'lastSync not a time': [{ lastSync: 'noon' }, 'status.lastSync: "noon" is not a time: write it as 2027-01-31T12:00:00Z'],
  'complete a text': [{ complete: 'yes' }, 'status.complete: must be true or false, not the text "yes"'],
  'unknown drift event': [
    { drift: [{ object: 'x', event: 'RouteGone', cause: 'y', count: 1, lastTime: '2027-01-31T12:00:00Z' }] },
    'status.drift[0].event: "RouteGone" is not one of RouteDeleted, RouteReplaced, RouteChanged, LinkDown, RouteVanished, TableFlushed, SysctlChanged, LinkDeleted, LinkChanged, AddressDeleted, AddressChanged',
  ],
  'a family that does not exist': [
    { facts: { kernel: '6', links: [], gateways: [{ family: 5, address: 'x', device: 'y' }], rpFilterAll: 0 } },
    'status.facts.gateways[0].family: 5 is not one of 4, 6',
  ],
};

for (const [name, [status, text]] of Object.entries(REJECTED)) {
  test(`NodeReport refused: ${name}`, () => {
    const base = report();
    const parsed = parseNodeReport({ ...base, status: { ...base.status, ...status } });
    assert.equal(parsed.ok ? 'accepted' : formatErrors(parsed.errors), text);
  });
}

test('a report without status is refused', () => {
  const parsed = parseNodeReport({ ...report(), status: undefined });
  assert.equal(parsed.ok ? 'accepted' : formatErrors(parsed.errors), 'status: is missing');
});

test('the summary counts what is ready', () => {
  const resource = { kind: 'StaticRoute', name: 'a', reason: 'Ready', message: '' };
  const problem = { source: 'a.yaml', message: 'broken' };
  const resources = [
    { ...resource, ready: true },
    { ...resource, name: 'b', ready: false },
  ];
  assert.deepEqual(summarize({ resources, problems: [problem], drift: [] }), { ready: '1/2', problems: 1, drift: 0 });
});
