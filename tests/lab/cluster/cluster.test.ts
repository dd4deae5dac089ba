import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { RECORDS } from '../record.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { traces } from './traces.ts';
import { deployWeb, webPods } from './workload.ts';

describe('a cluster of two real nodes', () => {
  const untouched = traces();
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ nodes: 2 });
  });
  after(() => cluster.close());

  test('runs pods on every node, which reach each other, the service and the API, in both families', async () => {
    const [first, second] = await deployWeb(cluster);
    assert.ok(first && second);
    assert.deepEqual([first.node, second.node], ['n1', 'n2']);
    const inFirst = (...command: readonly string[]) => cluster.plane.kubectl(['exec', first.name, '--', ...command]);
    const [v4 = '', v6 = ''] = second.addresses;
    assert.equal(await inFirst('wget', '-qO-', `http://${v4}/`), 'n2\n');
    assert.equal(await inFirst('wget', '-qO-', `http://[${v6}]/`), 'n2\n');
    const service = await cluster.plane.api.get<{ readonly spec: { readonly clusterIPs: readonly string[] } }>(
      '/api/v1/namespaces/default/services/web',
    );
    for (const address of service.spec.clusterIPs) {
      const url = address.includes(':') ? `http://[${address}]/` : `http://${address}/`;
      assert.match(await inFirst('wget', '-qO-', url), /^n[12]\n$/);
    }
    await inFirst('sh', '-c', 'nc -w 5 10.96.0.1 443 </dev/null');
    assert.equal(await cluster.plane.kubectl(['logs', first.name]), 'serving\n');
  });

  test('a pulled cable is a lost carrier', async () => {
    const { host } = cluster.node('n1');
    await cluster.node('n2').unplug();
    assert.equal((await host.ping('10.200.0.12', { count: 1 })).received, 0);
    assert.match(await cluster.node('n2').host.ip('link show dev eth0'), /NO-CARRIER/);
    await cluster.node('n2').plug();
    while ((await host.ping('10.200.0.12', { count: 1 })).received === 0);
  });

  test('a node that crashes has forgotten its network when it boots, and runs its pods again', async () => {
    const node = cluster.node('n2');
    await node.host.ip('route add 192.0.2.0/24 via 10.200.0.1');
    // The API counts in whole seconds.
    const since = new Date(1000 * Math.floor(Date.now() / 1000));
    await node.crash();
    assert.equal(await node.host.ip('route show table all'), '');
    assert.equal(node.machine.isRunning, false);
    await node.boot();
    await cluster.ready('n2', since);
    const pods = await webPods(cluster, { node: 'n2', since });
    assert.doesNotMatch(await node.host.ip('route'), /192\.0\.2/);
    const [first, second] = pods;
    assert.equal(await cluster.plane.kubectl(['exec', `${first?.name}`, '--', 'wget', '-qO-', `http://${second?.addresses[0]}/`]), 'n2\n');
  });

  test('a command runs inside a node', async () => {
    assert.equal(await cluster.node('n1').machine.check('hostname'), 'n1\n');
    assert.match(await cluster.node('n1').machine.check('ctr', '--namespace', 'k8s.io', 'images', 'list', '-q'), /lab\.test\/busybox:1/);
  });

  test('nothing is left of it', async () => {
    const { folder } = cluster;
    await cluster.close();
    assert.deepEqual(traces(), untouched);
    assert.equal(existsSync(folder), false);
    assert.deepEqual(
      readdirSync(RECORDS).filter((name) => name.startsWith(`${process.pid}-`)),
      [],
    );
  });
});
