import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseClusterNetwork } from '../../src/api/kinds/cluster-network.ts';
import {
  decideClusterNetwork,
  type Finding,
  type NetworkDecision,
  type NetworkFindings,
} from '../../src/controller/decide-cluster-network.ts';
import { CLUSTER_NETWORKS, type NetworkView, networkView, SERVICE_CIDRS } from '../../src/controller/network-views.ts';
import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import { PrefixSet } from '../../src/core/ip/prefix-set.ts';
import { type Stage, scenario } from './stage.ts';

const DATE = new Date('2027-01-01T12:00:00Z');

const ranges = (...texts: readonly string[]): Finding<Prefix> => ({ known: true, values: texts.map((text) => Prefix.parse(text)) });
const addresses = (...texts: readonly string[]): Finding<Address> => ({ known: true, values: texts.map((text) => Address.parse(text)) });
const unknown = { known: false, why: 'nobody answers' } as const;

function findings(over: Partial<NetworkFindings> = {}): NetworkFindings {
  return {
    podRanges: ranges('10.244.1.0/24', '10.244.0.0/24', 'fd00:244::/64'),
    serviceRanges: ranges('10.96.0.0/16'),
    nodeAddresses: addresses('10.1.0.12', '10.1.0.3', 'fd00::3'),
    apiServerEndpoints: addresses('10.1.0.3'),
    dnsAddresses: addresses('10.96.0.10'),
    ...over,
  };
}

/** What the API server has after a decision was written. */
function written({ status }: NetworkDecision): NetworkView {
  const metadata = { name: 'cluster', uid: 'u', resourceVersion: '1' };
  return networkView({ apiVersion: CLUSTER_NETWORKS.apiVersion, kind: 'ClusterNetwork', metadata, status });
}

describe('the ClusterNetwork', () => {
  it('holds what was found, sorted, adjacent ranges joined', () => {
    const { status, write } = decideClusterNetwork(findings(), undefined, DATE);
    assert.deepEqual(status, {
      podRanges: ['10.244.0.0/23', 'fd00:244::/64'],
      serviceRanges: ['10.96.0.0/16'],
      nodeAddresses: ['10.1.0.3', '10.1.0.12', 'fd00::3'],
      apiServerEndpoints: ['10.1.0.3'],
      dnsAddresses: ['10.96.0.10'],
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Complete',
          message: 'every range and address is known',
          lastTransitionTime: DATE.toISOString(),
        },
      ],
    });
    assert.equal(write, 'now');
    assert.equal(
      parseClusterNetwork({ apiVersion: CLUSTER_NETWORKS.apiVersion, kind: 'ClusterNetwork', metadata: { name: 'cluster' }, status }).ok,
      true,
    );
  });

  it('is written for a range at once, for addresses of nodes later, and for nothing not at all', () => {
    const before = written(decideClusterNetwork(findings(), undefined, DATE));
    const write = (over: Partial<NetworkFindings>): string => decideClusterNetwork(findings(over), before, new Date()).write;
    assert.equal(write({}), 'never');
    assert.equal(write({ podRanges: ranges('10.244.0.0/23', 'fd00:244::/64') }), 'never');
    assert.equal(write({ nodeAddresses: addresses('10.1.0.3') }), 'later');
    assert.equal(write({ podRanges: ranges('10.244.0.0/24') }), 'now');
    assert.equal(write({ nodeAddresses: addresses('10.1.0.3'), serviceRanges: ranges() }), 'now');
    assert.equal(write({ apiServerEndpoints: addresses('10.1.0.4') }), 'now');
    assert.equal(write({ dnsAddresses: addresses() }), 'now');
    assert.equal(write({ serviceRanges: unknown }), 'now');
  });

  it('keeps what cannot be found out now, leaves out what never was, and says which', () => {
    const before = written(decideClusterNetwork(findings(), undefined, DATE));
    const kept = decideClusterNetwork(findings({ serviceRanges: unknown }), before, DATE);
    assert.deepEqual(kept.status.serviceRanges, ['10.96.0.0/16']);
    const never = decideClusterNetwork(findings({ serviceRanges: unknown }), undefined, DATE);
    assert.equal('serviceRanges' in never.status, false);
    const [{ status, reason, message }] = never.status.conditions;
    assert.deepEqual([status, reason], ['False', 'RangesUnknown']);
    assert.match(message, /^serviceRanges cannot be found out: nobody answers; .*--protect/);
    assert.equal(decideClusterNetwork(findings({ serviceRanges: unknown }), written(never), DATE).write, 'never');
  });

  it('covers exactly the ranges of the nodes, whatever these are', () => {
    const close = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
      .map(([low, length]) => Prefix.of(Address.parse(`10.0.0.${low}`), length));
    fc.assert(
      fc.property(fc.array(close, { maxLength: 10 }), (values) => {
        const { podRanges = [] } = decideClusterNetwork(findings({ podRanges: { known: true, values } }), undefined, DATE).status;
        const covered = PrefixSet.of(podRanges.map((text) => Prefix.parse(text)));
        for (let i = 0; i < 256; i++) {
          const address = Address.parse(`10.0.0.${i}`);
          assert.equal(
            covered.has(address),
            values.some((range) => range.has(address)),
          );
        }
      }),
    );
  });
});

describe('a controller', () => {
  const service = (clusterIPs: readonly string[]): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    spec: { clusterIPs },
  });
  const stock = (stage: Stage): void => {
    stage.putNode('n1', { podCIDRs: ['10.244.0.0/24'], addresses: ['10.1.0.1', 'host.example'] });
    stage.putNode('n2', { podCIDRs: ['10.244.1.0/24', 'fd00:2::/64'], addresses: ['10.1.0.2'] });
    stage.admin.put({
      apiVersion: SERVICE_CIDRS.apiVersion,
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: ['10.96.0.0/16'] },
    } as never);
    stage.admin.put({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } } as never,
      endpoints: [{ addresses: ['10.1.0.9'] }],
    } as never);
    stage.admin.put(service(['10.96.0.10', 'None']) as never);
    stage.admin.put({ ...service(['10.96.0.11']), metadata: { name: 'other', namespace: 'kube-system' } } as never);
  };
  const statusOf = (stage: Stage): Readonly<Record<string, unknown>> => {
    const { conditions: _, ...lists } = (stage.world.get(CLUSTER_NETWORKS, { name: 'cluster' })['status'] ?? {}) as Record<string, unknown>;
    return lists;
  };
  const writesOf = (stage: Stage): number => stage.processes[0]?.api.writes.get('apply clusternetworks/status') ?? 0;

  it(
    'makes the ClusterNetwork, keeps it true, and makes it anew when it is deleted or edited',
    scenario(0, async (stage) => {
      stock(stage);
      stage.start();
      await stage.advance(5_000);
      const good = {
        podRanges: ['10.244.0.0/23', 'fd00:2::/64'],
        serviceRanges: ['10.96.0.0/16'],
        nodeAddresses: ['10.1.0.1', '10.1.0.2'],
        apiServerEndpoints: ['10.1.0.9'],
        dnsAddresses: ['10.96.0.10'],
      };
      assert.deepEqual(statusOf(stage), good);
      assert.equal(writesOf(stage), 1);
      stage.world.delete(CLUSTER_NETWORKS, { name: 'cluster' });
      await stage.advance(5_000);
      assert.deepEqual(statusOf(stage), good);
      stage.admin.put({ ...stage.world.get(CLUSTER_NETWORKS, { name: 'cluster' }), status: { podRanges: ['0.0.0.0/0'] } } as never);
      await stage.advance(5_000);
      assert.deepEqual(statusOf(stage), good);
      assert.equal(writesOf(stage), 3);
      stage.admin.put(service(['10.96.0.12']) as never);
      await stage.advance(1_500);
      assert.deepEqual(statusOf(stage), { ...good, dnsAddresses: ['10.96.0.12'] });
      await stage.advance(600_000);
      assert.equal(writesOf(stage), 4);
    }),
  );

  it(
    'writes addresses of nodes once a minute, and a range at once',
    scenario(0, async (stage) => {
      stock(stage);
      stage.start();
      await stage.advance(5_000);
      for (let i = 0; i < 120; i++) {
        stage.putNode('n1', { podCIDRs: ['10.244.0.0/24'], addresses: [`10.1.0.${i + 10}`] });
        await stage.advance(1_000);
      }
      assert.equal(writesOf(stage), 3);
      stage.putNode('n3', { podCIDRs: ['10.244.2.0/24'], addresses: ['10.1.0.3'] });
      await stage.advance(1_500);
      assert.deepEqual(statusOf(stage)['podRanges'], ['10.244.0.0/23', '10.244.2.0/24', 'fd00:2::/64']);
    }),
  );

  it(
    'works where there are no ServiceCIDRs, and says so',
    scenario(0, async (stage) => {
      stock(stage);
      stage.world.withdraw(SERVICE_CIDRS);
      stage.start();
      await stage.advance(60_000);
      assert.equal('serviceRanges' in statusOf(stage), false);
      assert.deepEqual(statusOf(stage)['dnsAddresses'], ['10.96.0.10']);
      const { status } = stage.world.get(CLUSTER_NETWORKS, { name: 'cluster' }) as unknown as {
        status: { conditions: { message: string }[] };
      };
      assert.match(status.conditions[0]?.message ?? '', /serviceRanges cannot be found out: .*ServiceCIDR is not installed/);
      assert.equal(writesOf(stage), 1);
      stage.world.serve(SERVICE_CIDRS);
      await stage.advance(60_000);
      assert.deepEqual(statusOf(stage)['serviceRanges'], ['10.96.0.0/16']);
    }),
  );
});
