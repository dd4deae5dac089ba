import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { EXIT } from '../../src/cli/command.ts';
import { ApiError } from '../../src/cluster/api-client.ts';
import { CommandFailed, UsageError } from '../../src/runtime/config.ts';
import { Bench } from './support.ts';

const CLUSTER = ['--kubeconfig', 'admin.conf'] as const;

/** A bench whose cluster has these objects, besides those that every cluster has. */
function withObjects(objects: readonly object[], use: (bench: Bench) => Promise<void>): Promise<void> {
  return Bench.with(async (bench) => {
    bench.api.serve({ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true });
    bench.api.serve({ apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true });
    for (const object of [configMap('default', 'kube-root-ca.crt', { 'ca.crt': 'PEM' }), ...objects]) bench.api.put(object as never);
    await use(bench);
  });
}

function configMap(namespace: string, name: string, data?: object): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, ...(data && { data }) };
}

const routes = (namespace: string, name: string, ...entries: readonly unknown[]): object =>
  configMap(namespace, name, { routes: JSON.stringify(entries) });

function daemonSet(namespace: string, configMapName: string, nodeSelector: object): object {
  const volumes = [{ name: 'config', configMap: { name: configMapName } }];
  const spec = { template: { spec: { nodeSelector, volumes } } };
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { namespace, name: configMapName }, spec };
}

/** `name: subnets {labels}` of each resource. */
function lines(out: string): readonly string[] {
  const documents = out === '' ? [] : parseAllDocuments(out);
  return documents.map((document) => {
    const { metadata, spec } = document.toJS();
    return `${metadata.name}: ${spec.subnets.join(' ')}${spec.nodeSelector ? ` ${JSON.stringify(spec.nodeSelector.matchLabels)}` : ''}`;
  });
}

describe('migrate from a cluster', () => {
  it('finds the older system in every namespace, each with its DaemonSet', () =>
    withObjects(
      [
        routes('kube-system', 'static-routes', '192.168.50.0/24', '172.20.8.9'),
        routes('team', 'static-routes', '192.168.60.0/24'),
        daemonSet('kube-system', 'static-routes', { pool: 'edge' }),
        daemonSet('other', 'static-routes', { pool: 'other' }),
      ],
      async (bench) => {
        const { status, out, err } = await bench.run('migrate', ...CLUSTER);
        assert.deepEqual([status, err], [EXIT.ok, '']);
        assert.deepEqual(lines(out), ['static-routes: 192.168.50.0/24 172.20.8.9/32 {"pool":"edge"}', 'static-routes-2: 192.168.60.0/24']);
      },
    ));

  it('looks into one namespace when told so', () =>
    withObjects([routes('a', 'r', '192.168.50.0/24'), routes('b', 'r', '192.168.60.0/24')], async (bench) => {
      const { out } = await bench.run('migrate', ...CLUSTER, '--namespace', 'b');
      assert.deepEqual(lines(out), ['r: 192.168.60.0/24']);
    }));

  it('says by namespace and name what it leaves out', () =>
    withObjects([routes('net', 'r', '192.168.50.7/24', '192.168.60.0/24', 7)], async (bench) => {
      const { status, out, err } = await bench.run('migrate', ...CLUSTER);
      assert.equal(status, EXIT.failed);
      assert.deepEqual(lines(out), ['r: 192.168.60.0/24']);
      assert.equal(
        err,
        'net/r: "192.168.50.7/24" is left out: "192.168.50.7/24" has host bits set: write 192.168.50.0/24\nnet/r: 7 is left out: it is not a text\n',
      );
    }));

  it('names one of which nothing can be used', () =>
    withObjects([routes('net', 'r', '192.168.50.7/24')], async (bench) => {
      const { status, out, err } = await bench.run('migrate', ...CLUSTER);
      assert.deepEqual([status, out], [EXIT.failed, '']);
      assert.match(err, /^net\/r: "192\.168\.50\.7\/24" is left out/);
    }));

  it('passes over what other programs keep under that key', () =>
    withObjects(
      [
        routes('web', 'paths', '/api', 'index.html'),
        routes('web', 'objects', { path: '/', to: '10.0.0.1' }),
        routes('web', 'empty'),
        configMap('web', 'yaml', { routes: '- 192.168.50.0/24\n' }),
        configMap('web', 'object', { routes: '{"10.0.0.0/8": "x"}' }),
        configMap('web', 'none'),
        configMap('web', 'binary', { other: '[]' }),
      ],
      async (bench) => {
        await assert.rejects(bench.run('migrate', ...CLUSTER), (error) => {
          assert.ok(error instanceof CommandFailed);
          assert.match(error.message, /^nothing to migrate in https:\/\/fake:6443: there is no ConfigMap with a JSON array of subnets/);
          return true;
        });
        await assert.rejects(
          bench.run('migrate', ...CLUSTER, '--namespace', 'web'),
          /^CommandFailed: nothing to migrate in namespace web of /,
        );
      },
    ));

  it('reads a large cluster page by page', () =>
    withObjects(
      Array.from({ length: 95 }, (_, i) => (i === 94 ? routes('z', 'last', '192.168.50.0/24') : configMap('a', `c${i}`))),
      async (bench) => assert.deepEqual(lines((await bench.run('migrate', ...CLUSTER)).out), ['last: 192.168.50.0/24']),
    ));

  it('asks the cluster that is configured when no file is named, and changes nothing in it', () =>
    withObjects([routes('a', 'r', '192.168.50.0/24'), daemonSet('a', 'r', {})], async (bench) => {
      const version = (await bench.api.list({ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }))
        .resourceVersion;
      assert.equal((await bench.run('migrate')).status, EXIT.ok);
      assert.deepEqual(bench.clustersOpened, [{ kubeconfig: undefined, context: undefined, role: 'migrate', version: '1.2.3' }]);
      const after = await bench.api.list({ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true });
      assert.equal(after.resourceVersion, version);
    }));

  it('asks for files, or for a cluster, when there is neither', () =>
    Bench.with(async (bench) => {
      bench.noCluster = 'no Kubernetes cluster is configured: give --kubeconfig FILE';
      await assert.rejects(bench.run('migrate'), (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /name the files .*, or its cluster: no Kubernetes cluster is configured/);
        return true;
      });
      await assert.rejects(bench.run('migrate', ...CLUSTER), (error) => error instanceof CommandFailed);
    }));

  it('says which right is missing', () =>
    withObjects([], async (bench) => {
      bench.apiBefore = () => {
        throw new ApiError('cannot list configmaps: forbidden', { status: 403, reason: 'Forbidden' });
      };
      await assert.rejects(bench.run('migrate', ...CLUSTER), /list configmaps and daemonsets, or name one namespace with --namespace$/);
      await assert.rejects(bench.run('migrate', ...CLUSTER, '--namespace', 'a'), /list configmaps and daemonsets$/);
    }));
});

describe('migrate from a cluster with the overlay IP controller', () => {
  const OLDER = 'iks.ibm.com/v1alpha1';
  const older = (kind: string, plural: string) => ({ apiVersion: OLDER, kind, plural, namespaced: false });
  const config = configMap('net', 'overlay-ip-controller-config', {
    'overlay-ip-config.yaml': 'phpIPAM:\n  url: http://phpipam\n  appID: iks\n  subnetMap: {dal10: [7]}\n',
  });
  const address = (name: string, ipAddr: string): object => ({
    apiVersion: OLDER,
    kind: 'NodeOverlayIp',
    metadata: { name },
    status: { ipAddr },
  });
  const olderRoute = (name: string, subnet: string): object => ({
    apiVersion: OLDER,
    kind: 'StaticRoute',
    metadata: { name },
    spec: { subnet },
  });
  const node = (name: string): object => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
  const workload = (kind: string, name: string, env: readonly object[]): object => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace: 'net', name },
    spec: { template: { spec: { containers: [{ name: 'main', env }] } } },
  });
  const agents = workload('DaemonSet', 'overlay-network-pod', [
    { name: 'INTERFACE', value: 'eth0' },
    { name: 'INTERFACE_LABEL', value: 'tmp0' },
  ]);
  const secret = (key: string): object => ({ valueFrom: { secretKeyRef: { name: 'phpipam-secret', key } } });
  const controller = workload('Deployment', 'overlay-ip-controller', [
    { name: 'PHPIPAM_USERNAME', ...secret('username') },
    { name: 'PHPIPAM_PASSWORD', ...secret('password') },
  ]);

  /** `addresses`: whether the cluster has that kind. */
  function withOverlay(objects: readonly object[], use: (bench: Bench) => Promise<void>, addresses = true): Promise<void> {
    return Bench.with(async (bench) => {
      for (const [kind, plural, apiVersion] of [
        ['ConfigMap', 'configmaps', 'v1'],
        ['DaemonSet', 'daemonsets', 'apps/v1'],
        ['Deployment', 'deployments', 'apps/v1'],
      ] as const)
        bench.api.serve({ apiVersion, kind, plural, namespaced: true });
      bench.api.serve({ apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false });
      bench.api.serve(older('StaticRoute', 'staticroutes'));
      if (addresses) bench.api.serve(older('NodeOverlayIp', 'nodeoverlayips'));
      for (const object of objects) bench.api.put(object as never);
      await use(bench);
    });
  }

  const printed = (out: string): readonly string[] =>
    parseAllDocuments(out).map((document) => {
      const { kind, metadata, spec } = document.toJS();
      return `${kind} ${metadata.name}: ${JSON.stringify(spec.addresses ?? spec.via ?? spec.ipam.phpIPAM.url)}`;
    });

  const forbid = (bench: Bench, ...resources: readonly string[]): void => {
    bench.apiBefore = ({ resource }) => {
      if (resources.includes(resource)) throw new ApiError(`cannot list ${resource}: forbidden`, { status: 403, reason: 'Forbidden' });
    };
  };

  it('takes everything over, and finds the Secret and what to stop', () =>
    withOverlay(
      [config, agents, controller, node('n1'), address('n1', '192.168.100.4/24'), olderRoute('on-prem', '192.168.0.0/24')],
      async (bench) => {
        const { status, out, err } = await bench.run('migrate', ...CLUSTER);
        assert.deepEqual([status, err], [EXIT.ok, '']);
        assert.deepEqual(printed(out), [
          'NodeOverlayIP n1.default: ["192.168.100.4/24"]',
          'OverlayPool default: "http://phpipam.net.svc"',
          'StaticRoute on-prem: {"overlay":{"pool":"default"}}',
        ]);
        assert.match(out, /^# 1\. .* from the same keys of the Secret phpipam-secret of namespace net\.$/m);
        assert.match(
          out,
          /"kubectl scale -n net deployment overlay-ip-controller --replicas=0" and "kubectl delete -n net daemonset overlay-network-pod"/,
        );
      },
    ));

  it('names what is left over of nodes that are gone', () =>
    withOverlay([config, node('n1'), address('n1', '192.168.100.4/24'), address('n2', '192.168.100.5/24')], async (bench) => {
      const { status, out, err } = await bench.run('migrate', ...CLUSTER);
      assert.equal(status, EXIT.failed);
      assert.deepEqual(printed(out).length, 2);
      assert.equal(
        err,
        'nodeoverlayip n2: NodeOverlayIp n2 is left out: there is no Node n2, so 192.168.100.5/24 is left over: delete its record in phpIPAM by hand\n',
      );
      forbid(bench, 'nodes');
      const { status: without } = await bench.run('migrate', ...CLUSTER);
      assert.equal(without, EXIT.ok, 'who may not see Nodes learns less');
    }));

  it('knows that nodes had no overlay address where the kind is not served', () =>
    withOverlay(
      [agents, olderRoute('on-prem', '192.168.0.0/24')],
      async (bench) => {
        const { status, out, err } = await bench.run('migrate', ...CLUSTER);
        assert.deepEqual([status, err], [EXIT.ok, '']);
        assert.deepEqual(printed(out), ['StaticRoute on-prem: {"discover":{"toward":["10.0.0.0/8"]}}']);
      },
      false,
    ));

  it('takes both older systems of one cluster', () =>
    withOverlay([config, routes('kube-system', 'on-prem', '192.168.50.0/24'), olderRoute('on-prem', '192.168.0.0/24')], async (bench) => {
      const { out } = await bench.run('migrate', ...CLUSTER);
      assert.deepEqual(
        printed(out).map((line) => line.split(':')[0]),
        ['StaticRoute on-prem', 'OverlayPool default', 'StaticRoute on-prem-2'],
      );
    }));

  it('asks for rights only where there is something of it', () =>
    withOverlay([routes('kube-system', 'r', '192.168.50.0/24')], async (bench) => {
      forbid(bench, 'nodeoverlayips', 'staticroutes', 'deployments', 'nodes');
      assert.equal((await bench.run('migrate', ...CLUSTER)).status, EXIT.ok);
      bench.api.put(config as never);
      await assert.rejects(
        bench.run('migrate', ...CLUSTER),
        /^CommandFailed: cannot list nodeoverlayips: forbidden: ask for the right to list nodeoverlayips and staticroutes of iks\.ibm\.com, and deployments$/,
      );
    }));
});
