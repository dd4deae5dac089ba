import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { read } from '../../src/api/errors.ts';
import { staticRouteStatus } from '../../src/api/kinds/static-route-status.ts';
import { decideStaticRoute, type FleetNode, type RouteDecision } from '../../src/controller/decide-static-route.ts';
import { knownStatus } from '../../src/controller/route-status.ts';
import type { RouteView } from '../../src/controller/views.ts';
import { selects } from '../../src/core/selector.ts';
import { entry, fleetNode, formatStatus, routeOf } from './objects.ts';

const AROUND = { namespace: 'fairlead', date: new Date('2027-01-01T12:00:00Z') };
const decide = (route: RouteView, nodes: readonly FleetNode[]): RouteDecision => decideStaticRoute(route, nodes, AROUND);
const textOf = (route: RouteView, nodes: readonly FleetNode[]): string[] => formatStatus(decide(route, nodes).status).split('\n');
const pod = (name: string): string => `see its pod: kubectl -n fairlead get pods -o wide --field-selector spec.nodeName=${name}`;

describe('the status of a StaticRoute', () => {
  it('says that all is well', () => {
    const nodes = ['n1', 'n2'].map((name) => fleetNode(name, [entry('r', { gateway: '10.0.0.1', device: 'eth1', routes: 2 })]));
    assert.deepEqual(textOf(routeOf('r'), nodes), [
      'generation 1: 2 selected, 2 ready, 0 failed',
      'Ready=True AllNodesReady since 12:00:00: every route is in place on 2 nodes',
      'Degraded=False NoFailure since 12:00:00: no node reports a failure',
      '  n1 ready Ready via 10.0.0.1 dev eth1 - 2 routes are in place',
      '  n2 ready Ready via 10.0.0.1 dev eth1 - 2 routes are in place',
    ]);
    assert.equal(decide(routeOf('r'), nodes).complete, true);
  });

  it('names what is wrong, where, and what to do, the most frequent first', () => {
    const nodes = [
      fleetNode('n1', [entry('r', { routes: 1 })]),
      fleetNode('n2', [
        entry('r', { reason: 'Conflict', message: 'StaticRoute old has 192.168.50.0/24: delete one of them', device: 'eth1' }),
      ]),
      fleetNode('n3', [entry('r', { reason: 'DeviceMissing', message: 'there is no eth9 on n3' })]),
      fleetNode('n4', [entry('r', { reason: 'Conflict', message: 'the same on n4' })]),
      fleetNode('n5', [entry('r', { observedGeneration: 1 })], { silent: true }),
      fleetNode('n6', [entry('r')], { notReady: 'NodeStatusUnknown' }),
      fleetNode('n7', undefined),
      fleetNode('n8', [entry('other')]),
    ];
    assert.deepEqual(textOf(routeOf('r'), nodes), [
      'generation 1: 8 selected, 1 ready, 7 failed',
      `Ready=False AgentSilent since 12:00:00: 7 of 8 nodes are not ready: AgentSilent on n5, n6, n7: the agent on n5 has reported nothing since 2027-01-01T00:00:00.000Z: ${pod('n5')}; ` +
        'Conflict on n2, n4: StaticRoute old has 192.168.50.0/24: delete one of them; DeviceMissing on n3: there is no eth9 on n3; Pending on n8',
      `Degraded=True AgentSilent since 12:00:00: 7 of 8 nodes are not ready: AgentSilent on n5, n6, n7: the agent on n5 has reported nothing since 2027-01-01T00:00:00.000Z: ${pod('n5')}; ` +
        'Conflict on n2, n4: StaticRoute old has 192.168.50.0/24: delete one of them; DeviceMissing on n3: there is no eth9 on n3; Pending on n8',
      '  n2 failed Conflict dev eth1 - StaticRoute old has 192.168.50.0/24: delete one of them',
      '  n3 failed DeviceMissing - there is no eth9 on n3',
      '  n4 failed Conflict - the same on n4',
      `  n5 failed AgentSilent - the agent on n5 has reported nothing since 2027-01-01T00:00:00.000Z: ${pod('n5')}`,
      '  n6 failed AgentSilent - node n6 is not Ready (NodeStatusUnknown), so nobody answers for its routes: kubectl describe node n6',
      `  n7 failed AgentSilent - the agent on n7 has never reported: ${pod('n7')}`,
      `  n8 failed Pending - the agent on n8 has not said yet what it makes of this object; if that lasts, ${pod('n8')}`,
      '  n1 ready Ready - 1 route is in place',
    ]);
  });

  it('takes no report of an older generation, and none of a former object of that name', () => {
    const nodes = [
      fleetNode('n1', [entry('r', { observedGeneration: 2 })]),
      fleetNode('n2', [entry('r', { observedGeneration: 3, uid: 'another' })]),
      fleetNode('n3', [entry('r', { observedGeneration: 2, reason: 'Conflict', message: 'old news' })]),
      fleetNode('n4', [entry('r', { observedGeneration: 4, routes: 1 })]),
    ];
    const decision = decide(routeOf('r', { generation: 3 }), nodes);
    assert.deepEqual(formatStatus(decision.status).split('\n'), [
      'generation 3: 4 selected, 1 ready, 3 failed',
      `Ready=False Pending since 12:00:00: 3 of 4 nodes are not ready: Pending on n1, n2, n3: the agent on n1 reports generation 2, and generation 3 is waited for; if that lasts, ${pod('n1')}`,
      'Degraded=False NoFailure since 12:00:00: no node reports a failure',
      `  n1 failed Pending - the agent on n1 reports generation 2, and generation 3 is waited for; if that lasts, ${pod('n1')}`,
      `  n2 failed Pending - the agent on n2 has not said yet what it makes of this object; if that lasts, ${pod('n2')}`,
      `  n3 failed Pending - the agent on n3 reports generation 2, and generation 3 is waited for; if that lasts, ${pod('n3')}`,
      '  n4 ready Ready - 1 route is in place',
    ]);
    assert.equal(decision.complete, false);
  });

  it('believes an agent that cannot read the object, though it names no generation, and not what it said of an older one', () => {
    const message = 'spec.via.tunnel is not known here: upgrade the agent';
    const nodes = [
      fleetNode('n1', [entry('r', { observedGeneration: 1, reason: 'InvalidSpec', message })]),
      fleetNode('n2', [entry('r', { observedGeneration: undefined, uid: undefined, reason: 'InvalidSpec', message })]),
    ];
    const decision = decide(routeOf('r', { generation: 2 }), nodes);
    assert.deepEqual(
      decision.status.nodeStatus.map(({ reason }) => reason),
      ['InvalidSpec', 'Pending'],
    );
    assert.equal(decision.complete, false);
  });

  it('does not believe that a node without a generation is ready', () => {
    const { status } = decide(routeOf('r'), [fleetNode('n1', [entry('r', { observedGeneration: undefined })])]);
    assert.equal(status.nodeStatus[0]?.reason, 'Pending');
  });

  it('says which selector matches nothing', () => {
    const spec = {
      nodeSelector: {
        matchLabels: { zone: 'x' },
        matchExpressions: [
          { key: 'a', operator: 'In', values: ['b', 'c'] },
          { key: 'd', operator: 'Exists' },
        ],
      },
    };
    assert.deepEqual(textOf(routeOf('r', { spec }), [fleetNode('n1', [])]), [
      'generation 1: 0 selected, 0 ready, 0 failed',
      'Ready=False NoNodesSelected since 12:00:00: no node matches spec.nodeSelector (zone=x, a In (b, c), d Exists): mend it, or label a node; kubectl get nodes --show-labels lists what there is',
      'Degraded=False NoFailure since 12:00:00: no node reports a failure',
    ]);
    assert.match(textOf(routeOf('r'), [])[1] ?? '', /the cluster has no nodes/);
  });

  it('of which the selector is of a newer kind says so, and fails nothing else', () => {
    const spec = { nodeSelector: { matchExpressions: [{ key: 'a', operator: 'Matches', values: ['b'] }] } };
    const [counts, ready, degraded] = textOf(routeOf('r', { spec }), [fleetNode('n1', [])]);
    assert.equal(counts, 'generation 1: 0 selected, 0 ready, 0 failed');
    assert.match(
      ready ?? '',
      /^Ready=False InvalidSpec .*spec\.nodeSelector\.matchExpressions\[0\]\.operator: "Matches" is not one of .*upgrade the controller/,
    );
    assert.match(degraded ?? '', /^Degraded=True InvalidSpec/);
  });

  it('is about the selected nodes only', () => {
    const nodes = [fleetNode('n1', [entry('r')], { labels: new Map([['zone', 'a']]) }), fleetNode('n2', [entry('r')])];
    const { status } = decide(routeOf('r', { spec: { nodeSelector: { matchLabels: { zone: 'a' } } } }), nodes);
    assert.deepEqual(
      status.nodeStatus.map(({ hostname }) => hostname),
      ['n1'],
    );
  });

  it('keeps the time of a condition until that changes', () => {
    const held = (status: string): object => ({
      conditions: [{ type: 'Ready', status, reason: 'X', message: 'x', lastTransitionTime: '2026-06-06T06:06:06Z' }],
    });
    const since = (status: string): string | undefined =>
      decide(routeOf('r', { status: held(status) as never }), [fleetNode('n1', [entry('r')])]).status.conditions[0]?.lastTransitionTime;
    assert.equal(since('True'), '2026-06-06T06:06:06Z');
    assert.equal(since('False'), '2027-01-01T12:00:00.000Z');
  });

  it('waits for the agent of a node that has just appeared, and not for one that is silent', () => {
    const complete = (node: FleetNode): boolean => decide(routeOf('r'), [node]).complete;
    assert.equal(complete(fleetNode('n1', undefined, { joining: true })), false);
    assert.equal(complete(fleetNode('n1')), true);
    assert.equal(complete(fleetNode('n1', [], { silent: true })), true);
    assert.equal(complete(fleetNode('n1', [], { notReady: 'NodeStatusUnknown' })), true);
    assert.equal(complete(fleetNode('n1', [])), false);
  });

  it('fits into an object, whatever the agents say', () => {
    const long = 'x'.repeat(30_000);
    const nodes = Array.from({ length: 300 }, (_, i) =>
      fleetNode(`n${i}`, [entry('r', { reason: `R${i % 7}`, message: long, gateway: long.slice(0, 1024), device: long.slice(0, 1024) })]),
    );
    const { status } = decide(routeOf('r'), nodes);
    assert.ok(JSON.stringify(status).length < 400_000);
    assert.equal(read(staticRouteStatus(), status).ok, true);
  });
});

describe('whatever the nodes say', () => {
  const resource = fc.record({
    observedGeneration: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    uid: fc.constantFrom('uid-r', 'uid-r', 'uid-r', 'other', undefined),
    reason: fc.constantFrom('Ready', 'Ready', 'Conflict', 'DeviceMissing', 'InvalidSpec'),
    gateway: fc.option(fc.ipV4(), { nil: undefined }),
  });
  const node = fc.record({
    zone: fc.constantFrom('a', 'b'),
    notReady: fc.constantFrom(undefined, undefined, 'NodeStatusUnknown'),
    silent: fc.boolean(),
    joining: fc.boolean(),
    resources: fc.option(fc.option(resource, { nil: undefined }), { nil: undefined }),
    heard: fc.boolean(),
  });
  const fleet = fc.array(node, { maxLength: 130 }).map((all) =>
    all.map(({ zone, resources, heard, ...rest }, i): FleetNode => {
      const known = heard ? (resources ? [entry('r', resources)] : []) : undefined;
      return fleetNode(`n${String(i).padStart(3, '0')}`, known, { ...rest, labels: new Map([['zone', zone]]) });
    }),
  );
  const route = fc
    .constantFrom(undefined, 'a', 'c')
    .map((zone) => routeOf('r', { generation: 2, spec: zone ? { nodeSelector: { matchLabels: { zone } } } : {} }));

  it('counts add up, the failing come first, and at most a hundred are shown', () => {
    fc.assert(
      fc.property(route, fleet, (subject, nodes) => {
        const { status } = decide(subject, nodes);
        const selected = nodes.filter(({ labels }) => subject.selector && selects(subject.selector, labels));
        const { nodes: counts, nodeStatus, conditions } = status;
        assert.equal(counts.selected, selected.length);
        assert.equal(counts.selected, counts.ready + counts.failed);
        assert.equal(nodeStatus.length, Math.min(100, selected.length));
        const firstReady = nodeStatus.findIndex(({ ready }) => ready);
        if (firstReady >= 0) {
          assert.ok(nodeStatus.slice(firstReady).every(({ ready }) => ready));
          assert.equal(firstReady, counts.failed);
        }
        const groupOf = ({ ready, reason }: (typeof nodeStatus)[number]): string =>
          ready ? 'ready' : reason === 'Pending' ? 'pending' : 'failed';
        for (const group of Object.values(Object.groupBy(nodeStatus, groupOf))) {
          const hosts = (group ?? []).map(({ hostname }) => hostname);
          assert.deepEqual(hosts, [...hosts].sort());
        }
        const isReady = conditions.find(({ type }) => type === 'Ready')?.status === 'True';
        assert.equal(isReady, counts.selected > 0 && counts.failed === 0);
        assert.equal(read(staticRouteStatus(), status).ok, true);
      }),
      { numRuns: 300 },
    );
  });

  it('a node is ready only when its own agent says so of this very generation, now', () => {
    fc.assert(
      fc.property(route, fleet, (subject, nodes) => {
        const ready = new Set(decide(subject, nodes).status.nodeStatus.flatMap((each) => (each.ready ? [each.hostname] : [])));
        for (const { name, report, silent, notReady } of nodes.filter(({ name }) => ready.has(name))) {
          const told = report?.routes.get('r');
          assert.deepEqual([told?.ready, silent, notReady], [true, false, undefined]);
          assert.ok((told?.generation ?? 0) >= 2);
          assert.ok(told?.uid === undefined || told.uid === 'uid-r');
          assert.ok(name);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('what was written is recognised, whatever others add to it, and any change of it is seen', () => {
    fc.assert(
      fc.property(route, fleet, (subject, nodes) => {
        const { status } = decide(subject, nodes);
        const { fingerprint } = knownStatus(status);
        const foreign = { type: 'Synced', status: 'True', reason: 'x', message: 'x', lastTransitionTime: '2026-06-06T06:06:06Z' };
        const later = {
          ...status,
          conditions: [foreign, ...status.conditions.toReversed().map((c) => ({ ...c, lastTransitionTime: '2026-06-06T06:06:06Z' }))],
          more: 1,
        };
        assert.equal(knownStatus(JSON.parse(JSON.stringify(later))).fingerprint, fingerprint);
        const edits: readonly object[] = [
          { ...status, observedGeneration: 99 },
          { ...status, nodes: { ...status.nodes, ready: 99 } },
          { ...status, nodeStatus: [...status.nodeStatus, { hostname: 'x', ready: true, reason: 'Ready', message: '' }] },
          { ...status, conditions: status.conditions.slice(1) },
          { ...status, conditions: status.conditions.map((c) => ({ ...c, message: 'edited' })) },
          {},
        ];
        for (const edited of edits) assert.notEqual(knownStatus(edited).fingerprint, fingerprint);
      }),
      { numRuns: 100 },
    );
  });
});
