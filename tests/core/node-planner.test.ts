import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { NodePlanner } from '../../src/core/planner/node-planner.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
import { address, discover, ETH1, facts, gateways, identity, matchLabels, node, prefix, route, snapshot, staticRoute } from './builders.ts';

/** Some share prefixes, some are refused, shadowed by a foreign route, wait for a next hop, or select other nodes. */
const RESOURCES = [
  staticRoute('a', { subnets: ['172.20.1.0/24', '172.20.2.0/24'] }),
  staticRoute('b', { subnets: ['172.20.2.0/24', '172.20.3.0/24'], via: gateways('10.1.0.7') }),
  staticRoute('b', { subnets: ['172.20.2.0/24', '172.20.4.0/24'], via: gateways('10.1.0.8') }),
  staticRoute('c', { subnets: ['203.0.113.0/25'] }),
  staticRoute('d', { subnets: ['172.20.9.0/24'], reversePath: 'Loose' }),
  staticRoute('e', { subnets: ['172.20.5.0/24'], via: gateways('192.0.2.1') }),
  staticRoute('f', { subnets: ['172.20.6.0/24'], nodeSelector: matchLabels({ zone: 'west' }) }),
  staticRoute('g', { subnets: ['172.20.3.0/24'], created: '2026-01-01T00:00:00Z', via: discover('0.0.0.0/0') }),
];
const WORLDS = [
  facts(),
  facts({ routes: [...facts().routes, route('172.20.9.0/24', '10.1.0.9', ETH1, { metric: 100 })] }),
  facts({ routes: [] }),
];
const NODES = [[], [node('n1')], [node('n1', { zone: 'west' })]];
const NETWORK = {
  name: 'cluster',
  podRanges: [prefix('172.20.1.0/24')],
  serviceRanges: [],
  nodeAddresses: [address('172.20.4.4')],
  apiServerEndpoints: [],
  dnsAddresses: [],
};
const IDENTITIES = [identity(), identity({ overdue: new Set(['StaticRoute e IPv4']) }), identity({ protect: [prefix('172.20.3.0/28')] })];

const step = fc.record({
  resources: fc.subarray(RESOURCES).map((some) => [...new Map(some.map((each) => [each.meta.ref.name, each])).values()]),
  world: fc.constantFrom(...WORLDS),
  nodes: fc.constantFrom(...NODES),
  network: fc.constantFrom(undefined, NETWORK),
  who: fc.constantFrom(...IDENTITIES),
});

it('a planner that has planned before answers as one that has not, whatever has changed since', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
      const planner = new NodePlanner();
      for (const { resources, world, nodes, network, who } of steps) {
        const now: ResourceSnapshot = snapshot(resources, { nodes: [...nodes], ...(network && { clusterNetwork: network }) });
        assert.deepEqual(planner.plan(now, world, who), planNode(now, world, who));
      }
    }),
  );
});

it('what has not changed is not planned anew', () => {
  const [a, b, other] = RESOURCES;
  const [world] = WORLDS;
  assert.ok(a && b && other && world);
  const planner = new NodePlanner();
  const free = staticRoute('z', { subnets: ['172.20.77.0/24'] });
  const nodes = [node('n1')];
  const who = identity();
  const before = planner.plan(snapshot([free, a, b], { nodes }), world, who).plan.resources;
  const after = planner.plan(snapshot([free, a, other], { nodes: [...nodes] }), world, who).plan.resources;
  const named = (plans: typeof before, name: string) => plans.find(({ meta }) => meta.ref.name === name);
  assert.equal(named(after, 'z'), named(before, 'z'));
  assert.notEqual(named(after, 'b'), named(before, 'b'));
});
