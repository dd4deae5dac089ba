import type { NodeReport } from '../../src/api/kinds/node-report.ts';

type Lists = Pick<NodeReport['status'], 'resources' | 'problems' | 'drift'>;

/** What an agent says of so many StaticRoutes, of which the last ones fail. */
export function hugeLists(count: number, failing: number): Lists {
  const resources = Array.from({ length: count }, (_, i) => {
    const ready = i < count - failing;
    return {
      kind: 'StaticRoute',
      name: `on-premises-network-${i}`,
      uid: 'b0c4fd4c-9f0f-4b8e-8c43-1f0d5ab1c9a7',
      observedGeneration: 3,
      ready,
      reason: ready ? 'Ready' : 'NoGateway',
      message: ready ? '2 routes through 10.176.162.129 (eth1)' : 'node n1 has no route to 10.0.0.0/8: '.repeat(20),
      gateway: '10.176.162.129',
      device: 'eth1',
      routes: 2,
    };
  });
  return { resources, problems: [], drift: [] };
}
