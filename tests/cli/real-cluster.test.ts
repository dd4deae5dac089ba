import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { KINDS } from '../../src/api/kinds.ts';
import { EXIT } from '../../src/cli/command.ts';
import { program } from '../../tools/programs/programs.ts';
import { NODE, ownRoutes, until } from '../e2e/support.ts';
import { FAIRLEAD } from '../lab/agent.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { createNamespace, createNode, createServiceAccount, createToken } from '../lab/kubernetes/objects.ts';
import { Lab } from '../lab/lab.ts';
import type { Result } from '../lab/process.ts';

const GROUP = '/apis/fairlead.dev/v1alpha1';
const ROLES = '/apis/rbac.authorization.k8s.io/v1';
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const WATCHER = 'system:serviceaccount:default:watcher';
const PLUGIN = join(dirname(FAIRLEAD), 'kubectl-fairlead');
const ROUTE = '192.168.50.0/24 via 10.1.0.1 dev eth1 metric 4201';

/** As `kubectl get` shows what the overlay IP controller left in a cluster. */
const olderObjects = `apiVersion: v1
kind: ConfigMap
metadata: {name: overlay-ip-controller-config}
data:
  overlay-ip-config.yaml: |
    phpIPAM: {url: http://phpipam, appID: iks, subnetMap: {dal10: [7]}}
---
apiVersion: iks.ibm.com/v1alpha1
kind: NodeOverlayIp
metadata: {name: node}
status: {gateway: 192.168.100.1, ipAddr: 192.168.100.4/24}
---
apiVersion: iks.ibm.com/v1alpha1
kind: NodeOverlayIp
metadata: {name: gone}
status: {gateway: 192.168.100.1, ipAddr: 192.168.100.5/24}
---
apiVersion: iks.ibm.com/v1alpha1
kind: StaticRoute
metadata: {name: onprem-192.168.0.0-24}
spec: {subnet: 192.168.0.0/24}
`;

/** Without the subresource status, so that a test can write it. */
function olderDefinition(kind: string, plural: string): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.iks.ibm.com` },
    spec: {
      group: 'iks.ibm.com',
      scope: 'Cluster',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: 'v1alpha1', served: true, storage: true, schema }],
    },
  };
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Review {
  readonly status: { readonly allowed: boolean };
}

/** The command line of a person, on a node whose gateway is also where the API server is. */
describe('with a real cluster', () => {
  let lab: Lab;
  let plane: ControlPlane;

  before(async () => {
    lab = await Lab.create(NODE);
    plane = await startControlPlane({ place: { host: lab.host('far'), address: '10.1.0.1' } });
    await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    // A kind that has just been defined is answered with 429 for a moment.
    for (const { plural } of KINDS) await plane.api.until(`${GROUP}/${plural}`, () => true);
    await createNode(plane.api, 'node', { addresses: ['10.1.0.10'] });
    await plane.kubectl(['apply', '-f', 'examples/quick-start/on-prem.yaml']);
  });
  after(async () => {
    await plane?.stop();
    await lab?.close();
  });

  const run = (...args: readonly string[]): Promise<Result> => lab.host('node').run(FAIRLEAD, ...args);
  const onNode = (command: string, kubeconfig: string): Promise<Result> =>
    run(command, '--kubeconfig', kubeconfig, '--node', 'node', '--state', join(lab.folder, command));

  /** The kubeconfig of a user who may do this, and nothing else. */
  async function userWho(name: string, ...rules: readonly Rule[]): Promise<string> {
    await grant(name, { kind: 'User', name }, rules);
    return plane.kubeconfigFor({ name });
  }

  /** The subject is `user` for the API server, which hears of its own roles a moment after they are written. */
  async function grant(
    user: string,
    subject: { readonly kind: string; readonly namespace?: string; readonly name: string },
    rules: readonly Rule[],
  ): Promise<void> {
    const { name } = subject;
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await plane.api.post(`${ROLES}/clusterroles`, { apiVersion, kind: 'ClusterRole', metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
    const binding = { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects: [subject] };
    await plane.api.post(`${ROLES}/clusterrolebindings`, binding);
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
    const resourceAttributes = { verb: rules[0]?.verbs[0], group: rules[0]?.apiGroups[0], resource: rules[0]?.resources[0] };
    const allowed = async (): Promise<boolean> =>
      (await plane.api.post<Review>(REVIEWS, { ...review, spec: { user, resourceAttributes } })).status.allowed;
    await until(allowed, () => `${user} was never allowed`);
  }

  const may = (verbs: readonly string[], apiGroup: string, ...resources: readonly string[]): Rule => ({
    apiGroups: [apiGroup],
    resources,
    verbs,
  });

  /** `verb resource` of every request of a user, each once; all were answered by one of these. */
  async function requestsOf(user: string, codes: readonly number[] = [200]): Promise<readonly string[]> {
    const requests = (await plane.audit({ user })).filter(({ resource }) => resource !== undefined);
    assert.deepEqual([...new Set(requests.map(({ code }) => code))].sort(), codes);
    return [...new Set(requests.map(({ verb, resource }) => `${verb} ${resource}`))].sort();
  }

  test('plan lists and watches, changes nothing anywhere, and says what is incomplete', async () => {
    const verbs = ['list', 'watch'];
    const planner = await userWho(
      'planner',
      may(verbs, '', 'nodes'),
      may(verbs, 'fairlead.dev', 'staticroutes', 'nodeoverlayips', 'clusternetworks'),
    );
    const { code, stdout, stderr } = await onNode('plan', planner);
    assert.equal(code, EXIT.found, stderr);
    assert.equal(stdout, '+ 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201\nnode node: 1 change, 2 problems\n');
    assert.match(stderr, /^problem: nothing would be removed: the controller has not written ClusterNetwork cluster yet/m);
    assert.deepEqual(await ownRoutes(lab.host('node')), []);
    assert.ok(!existsSync(join(lab.folder, 'plan')));
    const watched = ['clusternetworks', 'nodeoverlayips', 'nodes', 'staticroutes'];
    assert.deepEqual(
      (await requestsOf('planner')).filter((request) => !request.startsWith('watch ')),
      watched.map((resource) => `list ${resource}`),
    );
    assert.deepEqual(await plane.writes({ user: 'planner' }), []);
  });

  test('plan names the right that is missing', async () => {
    const { code, stderr } = await onNode('plan', plane.kubeconfigFor({ name: 'stranger' }));
    assert.equal(code, EXIT.failed);
    assert.match(stderr, /staticroutes.* is forbidden: .*grant the verbs list and watch on staticroutes\.fairlead\.dev/);
  });

  test('apply does one round, and reports it in the cluster', async () => {
    await plane.kubectl(
      ['apply', '-f', '-'],
      stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterNetwork', metadata: { name: 'cluster' } }),
    );
    const { code, stdout, stderr } = await onNode('apply', plane.kubeconfig);
    assert.equal(code, EXIT.ok, stdout + stderr);
    assert.deepEqual(await ownRoutes(lab.host('node')), [ROUTE]);
    const report = await plane.api.get<{ readonly status: { readonly summary: { readonly ready: string }; readonly complete: boolean } }>(
      `${GROUP}/nodereports/node`,
    );
    assert.deepEqual([report.status.summary.ready, report.status.complete], ['1/1', true]);
    assert.match((await onNode('plan', plane.kubeconfig)).stdout, /^node node: 0 changes, 0 problems$/m);
  });

  test('status takes what a credential plugin prints', async () => {
    await createServiceAccount(plane.api, 'default', 'watcher');
    const rules = [
      may(['list'], '', 'nodes'),
      may(['list'], 'fairlead.dev', 'staticroutes', 'overlaypools', 'nodeoverlayips', 'nodereports'),
    ];
    await grant(WATCHER, { kind: 'ServiceAccount', namespace: 'default', name: 'watcher' }, rules);
    const token = await createToken(plane.api, { namespace: 'default', serviceAccount: 'watcher' });
    const { code, stdout, stderr } = await run('status', '--kubeconfig', execKubeconfig(token));
    assert.equal(stderr, '');
    assert.equal(code, EXIT.found, 'no controller has written the status of the route');
    assert.match(stdout, /^node +1\/1 +0 .* nothing$/m);
    assert.match(stdout, /^StaticRoute +on-prem +Unknown /m);
    const requests = await requestsOf(WATCHER);
    assert.deepEqual(requests, ['list nodeoverlayips', 'list nodereports', 'list nodes', 'list overlaypools', 'list staticroutes']);
  });

  test('status says how to get a credential plugin that is not there', async () => {
    const { code, stderr } = await run('status', '--kubeconfig', execKubeconfig('x', 'no-such-plugin'));
    assert.equal(code, EXIT.failed);
    assert.match(stderr, /no-such-plugin.*get it from example\.org/s);
  });

  /** A kubeconfig without credentials, and the program that has them. */
  function execKubeconfig(token: string, command = join(lab.folder, 'get-token')): string {
    const answer = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
    // It works only with the argument and the variable that the kubeconfig gives it.
    const script = `#!/bin/sh\n[ "$1 $WHO" = "for me" ] || exit 1\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`;
    writeFileSync(join(lab.folder, 'get-token'), script);
    chmodSync(join(lab.folder, 'get-token'), 0o755);
    const config = parse(readFileSync(plane.kubeconfig, 'utf8'));
    const exec = {
      apiVersion: answer.apiVersion,
      command,
      args: ['for'],
      env: [{ name: 'WHO', value: 'me' }],
      installHint: 'get it from example.org',
      interactiveMode: 'Never',
    };
    config.users = [{ name: 'user', user: { exec } }];
    const file = join(lab.folder, 'exec.kubeconfig');
    writeFileSync(file, stringify(config));
    return file;
  }

  describe('kubectl fairlead', () => {
    /** kubectl with the plugin in its PATH, also where this machine has a report of its own, which is broken. */
    function kubectl(words: string): Promise<Result> {
      const path = [dirname(PLUGIN), dirname(program('kubectl')), process.env['PATH']].join(delimiter);
      const env = [`PATH=${path}`, `KUBECONFIG=${plane.kubeconfig}`, `HOME=${lab.folder}`];
      const script = `mount -t tmpfs none /run && mkdir /run/fairlead && echo broken >/run/fairlead/nodereport.yaml && ${words}`;
      return lab.host('node').run('env', ...env, 'unshare', '-m', 'sh', '-c', script);
    }

    test('shows the cluster, also on a node that has a report', async () => {
      const { code, stdout, stderr } = await kubectl('kubectl fairlead status -o json');
      assert.equal(code, EXIT.found, stderr);
      assert.equal(JSON.parse(stdout).nodes[0].node, 'node');
      const local = await kubectl('fairlead status');
      assert.match(local.stderr, /^\/run\/fairlead\/nodereport\.yaml is not a NodeReport/);
    });

    test('is a plugin in kubectl’s eyes, and gets its flags', async () => {
      assert.match((await kubectl('kubectl plugin list')).stdout, new RegExp(`^${PLUGIN}$`, 'm'));
      assert.match((await kubectl('kubectl fairlead version')).stdout, /^fairlead \d+\.\d+\.\d+ /);
      assert.match((await kubectl('kubectl fairlead status --context nowhere')).stderr, /nowhere/);
      assert.equal((await kubectl('kubectl fairlead nonsense')).code, EXIT.usage);
    });

    test('works by a link from another folder', async () => {
      symlinkSync(PLUGIN, join(lab.folder, 'kubectl-fairlead'));
      const { stdout } = await lab.host('node').run(join(lab.folder, 'kubectl-fairlead'), 'version');
      assert.match(stdout, /^fairlead \d+\.\d+\.\d+ /);
    });
  });

  describe('migrate', () => {
    const configMap = (routes: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'routes' }, data: { routes } });
    const template = {
      metadata: { labels: { app: 'routes' } },
      spec: {
        nodeSelector: { pool: 'edge' },
        containers: [{ name: 'main', image: 'none' }],
        volumes: [{ name: 'config', configMap: { name: 'routes' } }],
      },
    };
    const spec = { selector: { matchLabels: { app: 'routes' } }, template };

    before(async () => {
      for (const name of ['older', 'web']) await createNamespace(plane.api, name);
      await plane.api.post('/api/v1/namespaces/older/configmaps', configMap('["192.168.60.0/24", "192.168.70.1/24"]'));
      await plane.api.post('/api/v1/namespaces/web/configmaps', configMap('["/api"]'));
      const daemonSet = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'static-routes' }, spec };
      await plane.api.post('/apis/apps/v1/namespaces/older/daemonsets', daemonSet);
    });

    test('prints what the API server takes, and only reads', async () => {
      const user = await userWho('migrator', may(['list'], '', 'configmaps'), may(['list'], 'apps', 'daemonsets'));
      const { code, stdout, stderr } = await run('migrate', '--kubeconfig', user);
      assert.equal(code, EXIT.failed, 'one subnet could not be used');
      assert.equal(stderr, 'older/routes: "192.168.70.1/24" is left out: "192.168.70.1/24" has host bits set: write 192.168.70.0/24\n');
      assert.deepEqual(parse(stdout).spec, {
        subnets: ['192.168.60.0/24'],
        via: { discover: { toward: ['10.0.0.0/8'] } },
        nodeSelector: { matchLabels: { pool: 'edge' } },
      });
      assert.match(await plane.kubectl(['apply', '--dry-run=server', '-f', '-'], stdout), /^staticroute.fairlead.dev\/routes created/);
      // Whether there is anything of another older system, this user may not know.
      const asked = ['list configmaps', 'list daemonsets', 'list nodeoverlayips', 'list staticroutes'];
      assert.deepEqual(await requestsOf('migrator', [200, 403]), asked);
    });

    test('takes over the overlay IP controller, in the order in which it is applied', async () => {
      for (const [kind, plural] of [
        ['NodeOverlayIp', 'nodeoverlayips'],
        ['StaticRoute', 'staticroutes'],
      ] as const)
        await plane.api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', olderDefinition(kind, plural));
      await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
      for (const plural of ['nodeoverlayips', 'staticroutes']) await plane.api.until(`/apis/iks.ibm.com/v1alpha1/${plural}`, () => true);
      await plane.kubectl(['apply', '-n', 'older', '-f', '-'], olderObjects);
      const { code, stdout, stderr } = await run('migrate', '--kubeconfig', plane.kubeconfig, '--namespace', 'older');
      assert.equal(code, EXIT.failed, 'the subnet of the other older system could not be used');
      assert.match(
        stderr,
        /^older\/routes: .* is left out: .*\nnodeoverlayip gone: NodeOverlayIp gone is left out: there is no Node gone, .*\n$/,
      );
      const applied = await plane.kubectl(['apply', '-f', '-'], stdout);
      assert.deepEqual(applied.trim().split('\n').slice(1), [
        'nodeoverlayip.fairlead.dev/node.default created',
        'overlaypool.fairlead.dev/default created',
        'staticroute.fairlead.dev/onprem-192.168.0.0-24 created',
      ]);
      const [taken] = parse(await plane.kubectl(['get', '-o', 'yaml', 'nodeoverlayips.fairlead.dev'])).items;
      assert.equal(taken.metadata.annotations['fairlead.dev/adopt'], 'true');
      assert.deepEqual(taken.spec.addresses, ['192.168.100.4/24']);
      for (const kind of ['nodeoverlayips', 'overlaypools']) await plane.kubectl(['delete', `${kind}.fairlead.dev`, '--all']);
      await plane.kubectl(['delete', 'staticroutes.fairlead.dev', 'routes', 'onprem-192.168.0.0-24']);
    });

    test('names the rights that are missing', async () => {
      const { code, stderr } = await run('migrate', '--kubeconfig', plane.kubeconfigFor({ name: 'stranger' }));
      assert.equal(code, EXIT.failed);
      assert.match(stderr, /configmaps is forbidden: .*: ask for the right to list configmaps and daemonsets, or name one namespace/);
    });
  });
});
