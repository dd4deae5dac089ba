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
