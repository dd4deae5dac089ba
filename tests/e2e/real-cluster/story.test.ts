import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { type Cluster, startCluster } from '../../lab/cluster/cluster.ts';
import { CHART, installFairlead, NAMESPACE } from '../../lab/cluster/install.ts';
import { API_ADDRESS } from '../../lab/cluster/network.ts';
import { besidePremises, PREMISES } from '../../lab/cluster/premises.ts';
import { deployWeb, type Pod as WebPod, webPods } from '../../lab/cluster/workload.ts';
import type { ApiObject } from '../../lab/kubernetes/api.ts';
import { serveHttp } from '../../lab/traffic.ts';
import { denials, ROUTES, readyOn, reportOf, statusOf, statusText } from '../kubernetes/support.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { ownRoutes, until, untilRoutes } from '../support.ts';
import { type NetworkState, networkState } from './network-state.ts';
import { allObjects } from './objects.ts';
import { PacketStream } from './packet-stream.ts';
import { agentOn, GATEWAYS, NET_ADMIN, NO_CAPABILITY, podsOf, processOf, SITE, SITE_ROUTES, untilConnected } from './support.ts';

/** On the way to nothing. */
const OTHER_GATEWAY = API_ADDRESS;
const STRICT = 'net.ipv4.conf.all.rp_filter';
const LOOSE = 'net.ipv4.conf.eth0.rp_filter';
const HELM = ['--namespace', NAMESPACE, '--wait', '--timeout', '3m'];
/** What `helm uninstall` leaves: the definitions, what the API server makes of them, and the objects of theirs that nobody writes any more. */
const KEPT = [
  'APIService/v1alpha1.fairlead.dev',
  'ClusterNetwork/cluster',
  'CustomResourceDefinition/clusternetworks.fairlead.dev',
  'CustomResourceDefinition/nodeoverlayips.fairlead.dev',
  'CustomResourceDefinition/nodereports.fairlead.dev',
  'CustomResourceDefinition/overlaypools.fairlead.dev',
  'CustomResourceDefinition/staticroutes.fairlead.dev',
  'NodeReport/n1',
  'NodeReport/n2',
  'NodeReport/n3',
  `${NAMESPACE}: Lease/fairlead-controller`,
];

/** core/v1 Node, as far as it is read here. */
interface Node {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

describe('Fairlead on a cluster of three real nodes, from its image and its chart', () => {
  let cluster: Cluster;
  let web: readonly WebPod[];
  /** Before there was anything of Fairlead. */
  let untouched: readonly NetworkState[];
  let objects: readonly string[];

  before(async () => {
    cluster = await startCluster({ ...besidePremises(3), nodeSysctls: { [STRICT]: 1 } });
    // What kube-proxy makes of a service depends on the addresses of its pods, which a boot changes.
    web = await deployWeb(cluster, { service: false });
    await Promise.all(SITE.hosts.map((address) => serveHttp(cluster.lab.host('onprem'), address, 80)));
    await cluster.plane.kubectl(['create', 'namespace', NAMESPACE]);
    // With it come an account and the certificate of the API server.
    await cluster.plane.api.until(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`, () => true);
    await cluster.plane.api.until(`/api/v1/namespaces/${NAMESPACE}/configmaps/kube-root-ca.crt`, () => true);
    untouched = await states();
    objects = await allObjects(cluster);
  });
  after(() => cluster.close());

  const states = (): Promise<readonly NetworkState[]> => Promise.all(cluster.nodes.map(networkState));

  const inPod = ({ name }: WebPod, ...command: readonly string[]): Promise<string> =>
    cluster.plane.kubectl(['exec', name, '--', ...command]);
  const apply = (name: string, spec: object): Promise<string> =>
    cluster.plane.kubectl(
      ['apply', '-f', '-'],
      stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec }),
    );

  const untilStatus = (name: string, text: string): Promise<ApiObject> =>
    cluster.plane.api.until(`${ROUTES}/${name}`, (route) => statusText(route) === text);

  /** The pods that get an answer from the site, in both families. */
  async function connected(): Promise<readonly string[]> {
    const asked = await Promise.all(
      web.map(async (pod) => {
        const answers = await Promise.all(
          SITE.hosts.map((host) =>
            inPod(pod, 'ping', '-c', '1', '-W', '2', host).then(
              () => true,
              () => false,
            ),
          ),
        );
        assert.equal(new Set(answers).size, 1, `the pod on ${pod.node} reaches the site in one family only`);
        return answers[0] ? [pod.node] : [];
      }),
    );
    return asked.flat();
  }

  test('before, no pod reaches the site', async () => {
    assert.deepEqual(await connected(), []);
  });

  test('helm installs it: an agent on every node, two controllers', async () => {
    await installFairlead(cluster);
    const agents = await podsOf(cluster, 'agent');
    assert.deepEqual(
      agents.map(({ spec, status }) => `${spec.nodeName} ${status.phase}`),
      ['n1 Running', 'n2 Running', 'n3 Running'],
    );
    assert.equal((await podsOf(cluster, 'controller')).length, 2);
    for (const { host } of cluster.nodes) assert.deepEqual(await ownRoutes(host), []);
  });

  test('an agent has the rights that the chart asks for, and no other', async () => {
    for (const { host, name } of cluster.nodes) {
      const pod = await agentOn(cluster, name);
      assert.deepEqual(pod.spec.containers[0].securityContext?.capabilities, { drop: ['ALL'], add: ['NET_ADMIN'] });
      const { pid: _, ...process } = processOf(pod);
      assert.deepEqual(process, {
        user: '0:0',
        capabilities: { CapInh: NO_CAPABILITY, CapPrm: NET_ADMIN, CapEff: NET_ADMIN, CapBnd: NET_ADMIN, CapAmb: NO_CAPABILITY },
        noNewPrivileges: true,
        filtered: true,
        network: (await host.check('readlink', '/proc/self/ns/net')).trim(),
      });
    }
  });

  test('a controller has no right at all on its node, and a network of its own', async () => {
    for (const pod of await podsOf(cluster, 'controller')) {
      const { pid: _, network, ...process } = processOf(pod);
      assert.deepEqual(process, {
        user: '65532:65532',
        capabilities: Object.fromEntries(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => [set, NO_CAPABILITY])),
        noNewPrivileges: true,
        filtered: true,
      });
      assert.notEqual(network, (await cluster.node(pod.spec.nodeName).host.check('readlink', '/proc/self/ns/net')).trim());
    }
  });

  test('neither can write where it is', async () => {
    for (const pod of [...(await podsOf(cluster, 'agent')), ...(await podsOf(cluster, 'controller'))]) {
      const write = cluster.plane.kubectl([
        '-n',
        NAMESPACE,
        'exec',
        pod.metadata.name,
        '--',
        'node',
        '-e',
        'fs.writeFileSync("/probe", "")',
      ]);
      await assert.rejects(write, /EROFS/);
    }
  });

  test('ClusterNetwork has the ranges of the cluster', async () => {
    const { status } = await cluster.plane.api.until('/apis/fairlead.dev/v1alpha1/clusternetworks/cluster', (object) => {
      const { conditions = [] } = (object.status ?? {}) as { readonly conditions?: readonly { readonly status: string }[] };
      return conditions[0]?.status === 'True';
    });
    const { podRanges, serviceRanges, nodeAddresses, apiServerEndpoints } = status as Readonly<Record<string, readonly string[]>>;
    assert.deepEqual(
      { podRanges, serviceRanges, nodeAddresses, apiServerEndpoints },
      {
        // 10.244.1.0/24 to 10.244.3.0/24, and the same of IPv6.
        podRanges: ['10.244.1.0/24', '10.244.2.0/23', 'fd00:244:0:1::/64', 'fd00:244:0:2::/63'],
        serviceRanges: ['10.96.0.0/16', 'fd00:96::/112'],
        nodeAddresses: ['10.200.0.11', '10.200.0.12', '10.200.0.13', 'fd00:200::11', 'fd00:200::12', 'fd00:200::13'],
        apiServerEndpoints: ['10.200.0.1'],
      },
    );
  });

  test('with one object every pod reaches the site, and the site every pod', async () => {
    const via = { gateways: GATEWAYS.map((address) => ({ address })) };
    await apply('premises', { subnets: SITE.subnets, via, reversePath: 'Loose' });
    await untilConnected(cluster);
    assert.deepEqual(await connected(), ['n1', 'n2', 'n3']);
    for (const pod of web) {
      for (const [family, address] of pod.addresses.entries()) {
        const site = SITE.hosts[family] ?? '';
        const url = site.includes(':') ? `http://[${site}]/` : `http://${site}/`;
        // The address of the pod itself: nothing on the way has changed it.
        assert.match(await inPod(pod, 'wget', '-qO-', url), new RegExp(`^onprem answers (::ffff:)?${address}\\b`));
        assert.deepEqual(await cluster.lab.host('onprem').ping(address, { count: 2 }), { sent: 2, received: 2 });
      }
    }
    for (const { host } of cluster.nodes) assert.equal(await host.sysctl(LOOSE), '2');
  });

  test('kubectl tells so', async () => {
    await cluster.plane.api.until(`${ROUTES}/premises`, readyOn(3));
    assert.match(await cluster.plane.kubectl(['get', 'sr']), /^premises +True +3 +0 +AllNodesReady /m);
    for (const { name } of cluster.nodes) await reportOf(cluster, name, ({ status }) => status.resources?.[0]?.ready === true);
    assert.equal((await cluster.plane.kubectl(['get', 'nr'])).match(/^n[123] +1\/1 +0 +0 /gm)?.length, 3);
  });

  test('a node says itself what it has', async () => {
    const { metadata } = await agentOn(cluster, 'n1');
    const ask = (...words: readonly string[]) => cluster.plane.kubectl(['-n', NAMESPACE, 'exec', metadata.name, '--', ...words]);
    assert.match(await ask('fairlead', 'plan', '--node', 'n1'), /^node n1: 0 changes, 0 problems$/m);
    assert.match(await ask('ip', 'route', 'show', 'proto', '201'), new RegExp(`^${PREMISES.subnet} via ${PREMISES.gateway} `));
  });

  test('an object that would cut off pods or services is refused, on every node, with the reason', async () => {
    await apply('pods', { subnets: ['10.244.2.128/25'], via: { gateway: OTHER_GATEWAY } });
    await apply('services', { subnets: ['10.96.0.0/20'], via: { gateway: OTHER_GATEWAY } });
    for (const [name, range] of [
      ['pods', /10\.244\.2\.0\/23 .*, a pod range of the cluster/],
      ['services', /10\.96\.0\.0\/16 .*, a service range of the cluster/],
    ] as const) {
      const route = await untilStatus(name, '3 selected, 0 ready, 3 failed; n1 ProtectedPath; n2 ProtectedPath; n3 ProtectedPath');
      for (const { message } of statusOf(route).nodeStatus ?? []) assert.match(message, range);
      const described = (): Promise<string> => cluster.plane.kubectl(['describe', 'sr', name]);
      const events = async (): Promise<readonly string[]> =>
        [...(await described()).matchAll(/Warning +ProtectedPath .* fairlead\.dev\/agent +node (n\d): /g)]
          .map(([, node = '']) => node)
          .sort();
      await until(async () => (await events()).length === 3, described);
      assert.deepEqual(await events(), ['n1', 'n2', 'n3']);
    }
    for (const { host } of cluster.nodes) assert.deepEqual(await ownRoutes(host), SITE_ROUTES);
    await cluster.plane.kubectl(['delete', 'sr', 'pods', 'services']);
  });

  test('what is deleted by hand on a node is there again, and reported', async () => {
    const { host } = cluster.node('n2');
    await host.ip(`route del ${PREMISES.subnet}`);
    await untilRoutes(host, SITE_ROUTES);
    const { status } = await reportOf(cluster, 'n2', ({ status: { drift = [] } }) => drift.length > 0);
    assert.deepEqual(
      status.drift?.map(({ event, object, count }) => `${event} ${object} ${count}`),
      [`RouteDeleted route ${PREMISES.subnet} metric 4201 1`],
    );
  });

  test('a node that crashes counts as failed, and gets its routes back when it boots', async () => {
    const node = cluster.node('n3');
    // The API counts in whole seconds.
    const since = new Date(1000 * Math.floor(Date.now() / 1000));
    await node.crash();
    await cluster.plane.api.until<Node>('/api/v1/nodes/n3', ({ status: { conditions } }) =>
      conditions.some(({ type, status }) => type === 'Ready' && status !== 'True'),
    );
    await untilStatus('premises', '3 selected, 2 ready, 1 failed; n3 AgentSilent');
    assert.deepEqual(await ownRoutes(node.host), []);
    await node.boot();
    await untilRoutes(node.host, SITE_ROUTES);
    await cluster.plane.api.until(`${ROUTES}/premises`, readyOn(3));
    web = await webPods(cluster, { node: 'n3', since });
    assert.deepEqual(await connected(), ['n1', 'n2', 'n3']);
  });

  test('an upgrade replaces every agent, loses no packet and touches no route', async () => {
    const earlier = await podsOf(cluster, 'agent');
    const [image = ''] =
      (await cluster.node('n1').machine.check('ctr', '-n', 'k8s.io', 'images', 'list', '-q')).match(/^fairlead\.dev.*$/m) ?? [];
    for (const { machine } of cluster.nodes)
      await machine.check('ctr', '-n', 'k8s.io', 'images', 'tag', image, image.replace(/:.*/, ':next'));
    const monitors = await Promise.all(cluster.nodes.map(({ host }) => RouteMonitor.start(host)));
    const items = await cluster.plane.api.list<ApiObject & Parameters<typeof processOf>[0]>(
      '/api/v1/namespaces/default/pods?labelSelector=app=web',
    );
    const streams = await Promise.all(
      items.flatMap((pod) => SITE.hosts.map((site) => PacketStream.start(cluster.node(pod.spec.nodeName).host, processOf(pod).pid, site))),
    );
    await cluster.plane.helm(['upgrade', 'fairlead', CHART, ...HELM, '--reuse-values', '--set', 'image.tag=next']);
    const later = await podsOf(cluster, 'agent');
    for (const stream of streams) {
      const { sent, lost } = await stream.stop();
      assert.ok(sent > 100, `${sent} packets`);
      assert.deepEqual(lost, []);
    }
    for (const monitor of monitors) assert.deepEqual(await monitor.ownEvents(), []);
    assert.equal(later.filter(({ metadata }) => !earlier.some((pod) => pod.metadata.uid === metadata.uid)).length, 3);
    await cluster.plane.api.until(`${ROUTES}/premises`, readyOn(3));
  });

  test('nobody asked for anything that was forbidden', async () => {
    assert.deepEqual(await denials(cluster), []);
  });

  test('without the API server an agent that crashes is started again, changes nothing and heals', async () => {
    const { host, machine } = cluster.node('n1');
    const { pid } = processOf(await agentOn(cluster, 'n1'));
    const monitor = await RouteMonitor.start(host);
    await cluster.plane.stopApiServer();
    try {
      process.kill(pid, 'SIGKILL');
      await until(() => !existsSync(`/proc/${pid}`));
      await until(async () => (await machine.run('wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:9410/readyz')).code === 0);
      assert.deepEqual(await monitor.ownEvents(), []);
      await host.ip(`route del ${PREMISES.subnet}`);
      await untilRoutes(host, SITE_ROUTES);
    } finally {
      await cluster.plane.startApiServer();
    }
  });

  test('helm uninstall leaves the nodes as they were', async () => {
    await cluster.plane.helm(['uninstall', 'fairlead', ...HELM]);
    let found: readonly NetworkState[] = [];
    await until(
      async () => {
        found = await states();
        return JSON.stringify(found) === JSON.stringify(untouched);
      },
      () => assert.deepEqual(found, untouched),
    );
    assert.deepEqual(await connected(), []);
  });

  test('and of the objects only the definitions, and what they keep', async () => {
    let left: readonly string[] = [];
    await until(
      async () => {
        left = (await allObjects(cluster)).filter((object) => !objects.includes(object));
        return left.length === KEPT.length;
      },
      () => left.join('\n'),
    );
    assert.deepEqual(left, KEPT);
  });
});
