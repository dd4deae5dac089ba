import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeReportKind } from '../../src/api/kinds/node-report.ts';
import { staticRouteKind } from '../../src/api/kinds/static-route.ts';
import { MANIFEST_KINDS } from '../../src/api/kinds.ts';
import { EXIT } from '../../src/cli/command.ts';
import { ApiError } from '../../src/cluster/api-client.ts';
import { NODES, typeOf } from '../../src/cluster/resource-types.ts';
import { CommandFailed, UsageError } from '../../src/runtime/config.ts';
import { Bench } from './support.ts';

const ROUTES = typeOf(staticRouteKind.definition);
const REPORTS = typeOf(nodeReportKind);
const CLUSTER = ['--kubeconfig', 'admin.conf'] as const;

function serve(bench: Bench): void {
  for (const type of [REPORTS, NODES, ...MANIFEST_KINDS.map(({ definition }) => typeOf(definition))]) bench.api.serve(type);
}

function route(name: string, ready?: boolean, failed = 0): Parameters<Bench['api']['put']>[0] {
  const message = ready ? '2 nodes have it' : 'n2: Conflict: somebody else has it';
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', reason: ready ? 'Ready' : 'NodesNotReady', message }];
  const status = { observedGeneration: 1, nodes: { selected: 2, ready: 2 - failed, failed }, conditions };
  return {
    apiVersion: ROUTES.apiVersion,
    kind: 'StaticRoute',
    metadata: { name },
    spec: { subnets: ['10.9.0.0/16'] },
    ...(ready === undefined ? {} : { status }),
  } as never;
}

function report(name: string, change: object = {}, resources: readonly object[] = []): Parameters<Bench['api']['put']>[0] {
  const ready = resources.filter((resource) => 'ready' in resource && resource.ready).length;
  const conditions = [{ type: 'Ready', status: 'True', reason: 'AllReady', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const status = {
    summary: { ready: `${ready}/${resources.length}`, problems: 0, drift: 0 },
    resources,
    problems: [],
    drift: [],
    facts: { kernel: '6.1', links: [], gateways: [], rpFilterAll: 0 },
    lastSync: new Date().toISOString(),
    complete: true,
    conditions,
    ...change,
  };
  return { apiVersion: REPORTS.apiVersion, kind: 'NodeReport', metadata: { name }, status } as never;
}

const inPlace = (name: string): object => ({ kind: 'StaticRoute', name, ready: true, reason: 'Ready', message: '1 route' });
const conflict = (name: string): object => ({
  kind: 'StaticRoute',
  name,
  ready: false,
  reason: 'Conflict',
  message: 'somebody else has it',
});

describe('status of a cluster', () => {
  it('shows the fleet, a node a line, and every resource', () =>
    Bench.with(async (bench) => {
      serve(bench);
      for (const name of ['n1', 'n2', 'n3']) bench.api.put({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
      bench.api.put(route('a', false, 1));
      bench.api.put(report('n1', {}, [inPlace('a')]));
      bench.api.put(report('n2', {}, [conflict('a')]));
      const { status, out } = await bench.run('status', ...CLUSTER);
      assert.equal(status, EXIT.found);
      const lines = out.split('\n');
      assert.match(lines[0] ?? '', /^NODE +RESOURCES +DRIFT +LAST CHANGE +LAST SYNC +WHAT IS WRONG$/);
      assert.match(lines[1] ?? '', /^n1 +1\/1 +0 +\d+ h ago +0 s ago +nothing$/);
      assert.match(lines[2] ?? '', /^n2 +0\/1 .* a: Conflict$/);
      assert.match(lines[3] ?? '', /^n3 +- +- +- +- +no agent has reported$/);
      assert.match(out, /\nStaticRoute +a +False +1\/2 +NodesNotReady: n2: Conflict: somebody else has it\n/);
    }));

  it('is fine when everything is', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(route('a', true));
      bench.api.put(report('n1', {}, [inPlace('a')]));
      const { status, out } = await bench.run('status', ...CLUSTER, '-o', 'json');
      assert.equal(status, EXIT.ok);
      const { nodes, resources } = JSON.parse(out);
      assert.deepEqual(nodes[0].wrong, []);
      assert.equal(resources[0].nodes, '2/2');
    }));

  it('names silence, incompleteness, and a resource that the controller has not seen', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(route('a'));
      bench.api.put(
        report('n1', { lastSync: new Date(Date.now() - 600_000).toISOString(), complete: false, incompleteReason: 'no Node n1' }),
      );
      const { status, out } = await bench.run('status', ...CLUSTER);
      assert.equal(status, EXIT.found);
      assert.match(out, /silent for 10 min: is its agent running\?, removes nothing: no Node n1/);
      assert.match(out, /Unknown +- +the controller has not seen this version yet/);
    }));

  it('shows pools and overlay addresses by their conditions', () =>
    Bench.with(async (bench) => {
      serve(bench);
      const conditions = [{ type: 'Ready', status: 'True', reason: 'Granted', message: 'the node may use it' }];
      const head = { apiVersion: ROUTES.apiVersion, kind: 'NodeOverlayIP' };
      bench.api.put({ ...head, metadata: { name: 'n1.default' }, status: { conditions } } as never);
      bench.api.put({ ...head, metadata: { name: 'n2.default' } } as never);
      const { status, out } = await bench.run('status', ...CLUSTER);
      assert.equal(status, EXIT.found);
      assert.match(out, /\nNodeOverlayIP +n1\.default +True +- +Granted: the node may use it\n/);
      assert.match(out, /\nNodeOverlayIP +n2\.default +Unknown +- +the controller has not seen this version yet\n/);
    }));

  it('says what is wrong with a pool that serves every node, and with an address that is granted', () =>
    Bench.with(async (bench) => {
      serve(bench);
      const said = (type: string, status: string, reason: string, message: string): object => ({ type, status, reason, message });
      const put = (kind: string, name: string, ...conditions: readonly object[]) =>
        bench.api.put({ apiVersion: ROUTES.apiVersion, kind, metadata: { name }, status: { observedGeneration: 1, conditions } } as never);
      const served = said('Ready', 'True', 'AllNodesServed', 'every selected node has its address');
      const granted = said('Ready', 'True', 'Granted', 'node n1 has 192.168.100.4/24');
      put('OverlayPool', 'a', served, said('Degraded', 'False', 'NoProblem', 'nothing is wrong'));
      put('NodeOverlayIP', 'n1.a', granted, said('DeviceReady', 'True', 'InPlace', ''));
      assert.equal((await bench.run('status', ...CLUSTER)).status, EXIT.ok);
      put('OverlayPool', 'b', served, said('Degraded', 'True', 'AgentSilent', 'the agents of n9 do not say'));
      put('NodeOverlayIP', 'n1.b', granted, said('DeviceReady', 'False', 'DeviceMissing', 'there is no eth9'));
      put(
        'NodeOverlayIP',
        'n2.b',
        said('Ready', 'False', 'AddressTaken', 'n3 has it'),
        said('DeviceReady', 'False', 'Removed', 'it is gone'),
      );
      const { status, out } = await bench.run('status', ...CLUSTER);
      assert.equal(status, EXIT.found);
      assert.match(out, /\nOverlayPool +b +True +- +AgentSilent: the agents of n9 do not say\n/);
      assert.match(out, /\nNodeOverlayIP +n1\.b +True +- +DeviceMissing: there is no eth9\n/);
      assert.match(out, /\nNodeOverlayIP +n2\.b +False +- +AddressTaken: n3 has it\n/);
    }));

  it('says how to install the definitions', () =>
    Bench.with(async (bench) => {
      await assert.rejects(bench.run('status', ...CLUSTER), (error) => {
        assert.ok(error instanceof CommandFailed);
        assert.match(error.message, /does not know our kinds: install them with "fairlead crds \| kubectl apply --server-side -f -"/);
        return true;
      });
    }));

  it('says which rights it needs, and does without that to see Nodes', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(report('n1'));
      const forbid = (...resources: readonly string[]): void => {
        bench.apiBefore = ({ resource }) => {
          if (resources.includes(resource)) throw new ApiError(`cannot list ${resource}: forbidden`, { status: 403, reason: 'Forbidden' });
        };
      };
      forbid('nodes');
      assert.equal((await bench.run('status', ...CLUSTER)).status, EXIT.ok);
      forbid('nodereports');
      await assert.rejects(
        bench.run('status', ...CLUSTER),
        /^CommandFailed: cannot list nodereports: forbidden: ask for the right to list nodereports, staticroutes, overlaypools, nodeoverlayips, or/,
      );
    }));

  it('takes the report of this node where there is one and no cluster is named', () =>
    Bench.with(async (bench) => {
      serve(bench);
      await assert.rejects(bench.run('status', ...bench.here, ...CLUSTER), UsageError);
      await assert.rejects(bench.run('status', ...bench.here, '--cluster'), UsageError);
      await assert.rejects(bench.run('status', ...bench.here), /there is no report at/);
      assert.deepEqual(bench.clustersOpened, []);
      assert.equal((await bench.run('status', '--kubeconfig', 'x', '--context', 'y')).status, EXIT.ok);
      assert.deepEqual(bench.clustersOpened, [{ kubeconfig: 'x', context: 'y', role: 'status', version: '1.2.3' }]);
    }));

  it('shows the cluster that is configured with --cluster, whatever this node has', () =>
    Bench.with(async (bench) => {
      serve(bench);
      assert.equal((await bench.run('status', '--cluster')).status, EXIT.ok);
      assert.deepEqual(bench.clustersOpened, [{ kubeconfig: undefined, context: undefined, role: 'status', version: '1.2.3' }]);
      bench.noCluster = 'no Kubernetes cluster is configured';
      await assert.rejects(bench.run('status', '--cluster'), /^CommandFailed: no Kubernetes cluster is configured$/);
    }));
});

describe('cleanup of a cluster', () => {
  const cleanup = (bench: Bench, wait = '30') => bench.run('cleanup', '--cluster', '--wait', wait, ...CLUSTER);

  it('deletes every resource and waits until no node has any', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(route('a', true));
      bench.api.put(route('b', true));
      bench.api.put(report('n1', {}, [inPlace('a'), inPlace('b')]));
      setTimeout(() => bench.api.put(report('n1')), 2_500);
      const { status, out } = await cleanup(bench);
      assert.equal(out, '- staticroutes a\n- staticroutes b\nthe cluster is clean: 2 resources deleted\n');
      assert.equal(status, EXIT.ok);
      assert.deepEqual((await bench.api.list(ROUTES)).items, []);
      assert.deepEqual((await bench.api.list(REPORTS)).items[0]?.['status'] !== undefined, true);
    }));

  it('fails in time, and names who is not clean and why', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(report('n1', {}, [inPlace('a')]));
      bench.api.put(report('n2', { complete: false }));
      const stuck = [
        { type: 'Ready', status: 'False', reason: 'X', message: 'could not be taken away', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ];
      bench.api.put(report('n3', { conditions: stuck }));
      bench.api.put({ apiVersion: REPORTS.apiVersion, kind: 'NodeReport', metadata: { name: 'n4' } });
      const { status, err } = await cleanup(bench, '0');
      assert.equal(status, EXIT.failed);
      assert.match(err, /^after 0 s these nodes are not clean: n1 \(1 resource left\), n2 \(it removes nothing/);
      assert.match(err, /n3 \(could not be taken away\), n4 \(its agent has not reported yet\)/);
    }));

  it('does not wait for a node whose agent is silent, and says so', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(report('n1', { lastSync: '2026-01-01T00:00:00Z' }, [inPlace('a')]));
      const { status, err } = await cleanup(bench);
      assert.equal(status, EXIT.ok);
      assert.match(err, /^node n1: its agent is silent, so whatever it has set stays/);
    }));

  it('names a node also when its agent falls silent while it is waited for', () =>
    Bench.with(async (bench) => {
      serve(bench);
      bench.api.put(report('n1', { lastSync: new Date(Date.now() - 299_000).toISOString() }, [inPlace('a')]));
      const { status, err } = await cleanup(bench);
      assert.equal(status, EXIT.ok);
      assert.match(err, /^node n1: its agent is silent, so whatever it has set stays/);
    }));

  it('touches no kernel, and takes whole seconds', () =>
    Bench.with(async (bench) => {
      serve(bench);
      await cleanup(bench);
      assert.equal(bench.kernelsOpened, 0);
      await assert.rejects(cleanup(bench, 'soon'), /--wait soon: write whole seconds/);
    }));
});
