import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { KINDS } from '../../src/api/kinds.ts';
import { INSTALL_FILE, installManifest } from '../../tools/install-manifest.ts';
import { CHART, find, Helm, type Manifest, manifests, VERSION } from './helm.ts';
import { MISTAKES, VALUE_SETS } from './value-sets.ts';

const helm = new Helm();
after(() => helm[Symbol.dispose]());

let objects: readonly Manifest[];
before(async () => {
  objects = await helm.render();
});

const CONFINED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, seccompProfile: { type: 'RuntimeDefault' } };
const POWERLESS = { ...CONFINED, runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, capabilities: { drop: ['ALL'] } };

/** The pod template of a DaemonSet, Deployment or Job. */
function pod(kind: string, name: string, among = objects) {
  return find(among, kind, name)['spec'].template;
}

describe('the chart', () => {
  for (const [name, values] of Object.entries(VALUE_SETS)) {
    it(`has nothing to lint with ${name}`, async () => {
      const { code, stdout, stderr } = await helm.try('lint', '--strict', CHART, ...values);
      assert.equal(code, 0, stdout + stderr);
      assert.doesNotMatch(stdout, /WARNING|ERROR/);
    });
  }

  for (const [name, [argument, words]] of Object.entries(MISTAKES)) {
    it(`refuses ${name}`, async () => {
      const { code, stderr } = await helm.try('template', 'x', CHART, argument);
      assert.equal(code, 1);
      assert.ok(stderr.includes(words), stderr);
    });
  }

  it('has the version of the package', () => {
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
    assert.deepEqual([chart.version, chart.appVersion], [VERSION, VERSION]);
  });

  it('is what deploy/install.yaml holds: run make generate', () => {
    assert.equal(readFileSync(join(CHART, '../..', INSTALL_FILE), 'utf8'), installManifest());
  });

  it('asks for Kubernetes 1.31', async () => {
    const { stderr } = await helm.try('template', 'x', CHART, '--kube-version=1.30.9');
    assert.match(stderr, /chart requires kubeVersion: >=1\.31\.0-0 which is incompatible with Kubernetes v1\.30\.9/);
    await helm.run('template', 'x', CHART, '--kube-version=v1.31.2-eks-1a2b3c');
  });

  it('puts everything into the namespace of the release, whatever both are called', async () => {
    const elsewhere = await helm.render([], { name: 'net', namespace: 'kube-system' });
    const text = JSON.stringify(elsewhere);
    assert.doesNotMatch(text, /fairlead-system/);
    const namespaces = new Set(elsewhere.map(({ metadata }) => metadata.namespace ?? ''));
    assert.deepEqual([...namespaces].sort(), ['', 'default', 'kube-system']);
    assert.equal(find(elsewhere, 'DaemonSet', 'fairlead-agent')['spec'].selector.matchLabels['app.kubernetes.io/instance'], 'net');
    const keys = elsewhere.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
    assert.equal(new Set(keys).size, keys.length);
    for (const { kind, subjects = [] } of elsewhere) for (const { namespace } of subjects) assert.equal(namespace, 'kube-system', kind);
    const [{ expression }] = find(elsewhere, 'ValidatingAdmissionPolicy', 'fairlead-agent-own-node')['spec'].matchConditions;
    assert.equal(expression, "request.userInfo.username == 'system:serviceaccount:kube-system:fairlead-agent'");
  });

  it('binds each role to the account that it is for', () => {
    for (const binding of objects.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
      const role = find(objects, binding['roleRef'].kind, binding['roleRef'].name);
      assert.equal(role.metadata.namespace, binding.metadata.namespace);
      const [subject, ...others] = binding['subjects'];
      assert.deepEqual(others, []);
      assert.ok(binding.metadata.name.startsWith(subject.name), `${binding.metadata.name} is bound to ${subject.name}`);
      find(objects, 'ServiceAccount', subject.name);
    }
  });

  it('selects pods by labels that they have, and no others of ours', () => {
    const roles = { 'fairlead-agent': 'DaemonSet', 'fairlead-controller': 'Deployment' };
    for (const [name, kind] of Object.entries(roles)) {
      const { selector, template } = find(objects, kind, name)['spec'];
      for (const [key, value] of Object.entries(selector.matchLabels)) assert.equal(template.metadata.labels[key], value);
    }
    const selectors = Object.entries(roles).map(([name, kind]) => JSON.stringify(find(objects, kind, name)['spec'].selector));
    assert.notEqual(selectors[0], selectors[1]);
    assert.deepEqual(
      find(objects, 'PodDisruptionBudget', 'fairlead-controller')['spec'].selector,
      find(objects, 'Deployment', 'fairlead-controller')['spec'].selector,
    );
  });
});

describe('the pod of an agent', () => {
  it('has NET_ADMIN and nothing else of root', () => {
    const { spec } = pod('DaemonSet', 'fairlead-agent');
    const [{ securityContext }, ...others] = spec.containers;
    assert.deepEqual(others, []);
    assert.deepEqual(securityContext, { ...CONFINED, runAsUser: 0, runAsGroup: 0, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } });
    assert.equal(spec.hostNetwork, true);
    for (const field of ['hostPID', 'hostIPC', 'initContainers', 'securityContext']) assert.equal(spec[field], undefined, field);
  });

  it('can write to one folder of its node', () => {
    const { volumes, containers } = pod('DaemonSet', 'fairlead-agent').spec;
    assert.deepEqual(volumes, [{ name: 'state', hostPath: { path: '/var/lib/fairlead', type: 'DirectoryOrCreate' } }]);
    assert.deepEqual(containers[0].volumeMounts, [{ name: 'state', mountPath: '/var/lib/fairlead' }]);
  });

  it('runs on every node, whatever its taints, before others', () => {
    const { tolerations, priorityClassName, nodeSelector } = pod('DaemonSet', 'fairlead-agent').spec;
    assert.deepEqual(tolerations, [{ operator: 'Exists' }]);
    assert.equal(priorityClassName, 'system-node-critical');
    assert.deepEqual(nodeSelector, { 'kubernetes.io/os': 'linux' });
  });

  it('is replaced a few at a time', () => {
    const { updateStrategy } = find(objects, 'DaemonSet', 'fairlead-agent')['spec'];
    assert.deepEqual(updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } });
  });

  it('is told its node by the API', () => {
    const [{ args, env }] = pod('DaemonSet', 'fairlead-agent').spec.containers;
    assert.deepEqual(args, ['agent', '--node=$(NODE_NAME)', '--state=/var/lib/fairlead', '--listen=127.0.0.1:9410', '--log=json']);
    const paths = env.map(({ name, valueFrom }: { name: string; valueFrom: { fieldRef: { fieldPath: string } } }) => [
      name,
      valueFrom.fieldRef.fieldPath,
    ]);
    assert.deepEqual(paths, [
      ['NODE_NAME', 'spec.nodeName'],
      ['NODE_IP', 'status.hostIP'],
    ]);
  });

  /** Where the kubelet asks: undefined is the address of the pod, which is that of the node. */
  const HOSTS: Readonly<Record<string, string | undefined>> = {
    '127.0.0.1:9410': '127.0.0.1',
    '[::1]:9410': '::1',
    'localhost:9410': 'localhost',
    ':9410': undefined,
    '0.0.0.0:9410': undefined,
    '[::]:9410': undefined,
    '$(NODE_IP):9410': undefined,
    '[$(NODE_IP)]:9410': undefined,
  };
  for (const [listen, host] of Object.entries(HOSTS)) {
    it(`is asked for its health where it listens: ${listen}`, async () => {
      const [{ ports, livenessProbe, readinessProbe }] = pod(
        'DaemonSet',
        'fairlead-agent',
        await helm.render(['--set', `agent.listen=${listen}`]),
      ).spec.containers;
      assert.deepEqual(ports, [{ name: 'metrics', containerPort: 9410 }]);
      assert.deepEqual(livenessProbe.httpGet, { path: '/healthz', port: 'metrics', ...(host && { host }) });
      assert.deepEqual(readinessProbe.httpGet, { path: '/readyz', port: 'metrics', ...(host && { host }) });
    });
  }
});

describe('the pods of the controller', () => {
  it('have no rights on their node', () => {
    const { spec } = pod('Deployment', 'fairlead-controller');
    assert.deepEqual(spec.containers[0].securityContext, POWERLESS);
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes']) assert.equal(spec[field], undefined, field);
  });

  it('are two, apart where they can be, and one of them stays', () => {
    const { replicas, template } = find(objects, 'Deployment', 'fairlead-controller')['spec'];
    assert.equal(replicas, 2);
    const spread = template.spec.topologySpreadConstraints;
    assert.deepEqual(
      spread.map(({ topologyKey, whenUnsatisfiable }: Record<string, string>) => [topologyKey, whenUnsatisfiable]),
      [
        ['kubernetes.io/hostname', 'ScheduleAnyway'],
        ['topology.kubernetes.io/zone', 'ScheduleAnyway'],
      ],
    );
    const { maxUnavailable, unhealthyPodEvictionPolicy } = find(objects, 'PodDisruptionBudget', 'fairlead-controller')['spec'];
    assert.deepEqual([maxUnavailable, unhealthyPodEvictionPolicy], [1, 'AlwaysAllow']);
  });
});

describe('the name of the cluster', () => {
  it('is given to the controller where there is one', async () => {
    const args = async (...values: readonly string[]) =>
      pod('Deployment', 'fairlead-controller', await helm.render(values)).spec.containers[0].args;
    assert.deepEqual(await args(), ['controller', '--listen=:9411', '--log=json']);
    assert.deepEqual(await args('--set=controller.clusterName=prod-eu.1'), [
      'controller',
      '--listen=:9411',
      '--log=json',
      '--cluster-name=prod-eu.1',
    ]);
  });
});

describe('the uninstallation', () => {
  it('is a job that waits, with an account that exists only then', () => {
    const hooks = objects.filter(({ metadata }) => metadata.name === 'fairlead-uninstall');
    assert.deepEqual(
      hooks
        .map(({ kind, metadata: { annotations = {} } }) => [
          kind,
          annotations['helm.sh/hook'],
          Number(annotations['helm.sh/hook-weight'] ?? 0),
        ])
        .sort(),
      [
        ['ClusterRole', 'pre-delete', -2],
        ['ClusterRoleBinding', 'pre-delete', -1],
        ['Job', 'pre-delete', 0],
        ['ServiceAccount', 'pre-delete', -3],
      ],
    );
    for (const { metadata } of hooks)
      assert.equal(metadata.annotations?.['helm.sh/hook-delete-policy'], 'before-hook-creation,hook-succeeded');
    const { containers, restartPolicy } = pod('Job', 'fairlead-uninstall').spec;
    assert.deepEqual(containers[0].args, ['cleanup', '--cluster', '--wait=120']);
    assert.deepEqual(containers[0].securityContext, POWERLESS);
    assert.equal(restartPolicy, 'Never');
  });

  it('gets more time than it waits', async () => {
    const job = find(await helm.render(['--set=uninstall.timeoutSeconds=300']), 'Job', 'fairlead-uninstall')['spec'];
    assert.equal(job.activeDeadlineSeconds, 330);
    assert.ok(job.template.spec.containers[0].args.includes('--wait=300'));
    assert.equal(job.backoffLimit, 0);
  });

  it('can be left out', async () => {
    const without = await helm.render(['--set=uninstall.cleanup=false']);
    assert.deepEqual(
      without.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook']),
      [],
    );
  });

  it('keeps the definitions, unless it shall not', async () => {
    const policies = (among: readonly Manifest[]) =>
      among
        .filter(({ kind }) => kind === 'CustomResourceDefinition')
        .map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy']);
    assert.deepEqual(
      policies(objects),
      KINDS.map(() => 'keep'),
    );
    assert.deepEqual(
      policies(await helm.render(['--set=crds.keep=false'])),
      KINDS.map(() => undefined),
    );
    assert.deepEqual(policies(await helm.render(['--set=crds.install=false'])), []);
  });
});

describe('values', () => {
  it('name the image', async () => {
    const images = async (values: readonly string[]) => {
      const all = await helm.render(values);
      const names = all.filter(({ spec }) => spec?.template).map(({ spec }) => spec.template.spec.containers[0].image);
      assert.equal(names.length, 3);
      return [...new Set(names)];
    };
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    assert.deepEqual(await images([]), [`fairlead.dev/fairlead:${VERSION}`]);
    assert.deepEqual(await images(VALUE_SETS['a private registry, by tag'] ?? []), ['registry.example.org:5000/net/fairlead:1.2.3']);
    assert.deepEqual(await images(VALUE_SETS['a private registry, by digest'] ?? []), [`registry.example.org/fairlead@${digest}`]);
  });

  it('give every pod what pulls from a private registry', async () => {
    const all = await helm.render(['--set=imagePullSecrets[0].name=mine']);
    for (const { spec } of all.filter((object) => object['spec']?.template))
      assert.deepEqual(spec.template.spec.imagePullSecrets, [{ name: 'mine' }]);
  });

  it('are each explained where they stand', () => {
    const lines = readFileSync(join(CHART, 'values.yaml'), 'utf8').split('\n');
    const bare = lines.filter((line, i) => /^ {0,2}[a-zA-Z]+: ?[^ ]/.test(line) && !lines[i - 1]?.trim().startsWith('#'));
    assert.deepEqual(bare, []);
  });

  it('quota only the classes that are used', async () => {
    const quota = async (...values: readonly string[]) =>
      (await helm.render(['--set=priorityQuota=true', ...values])).find(({ kind }) => kind === 'ResourceQuota')?.['spec'].scopeSelector
        .matchExpressions[0].values;
    assert.deepEqual(await quota(), ['system-node-critical', 'system-cluster-critical']);
    assert.deepEqual(await quota('--set=agent.priorityClassName='), ['system-cluster-critical']);
    assert.equal(await quota('--set=agent.priorityClassName=,controller.priorityClassName='), undefined);
  });
});

describe('deploy/install.yaml', () => {
  const [namespace, ...rest] = manifests(installManifest());

  it('begins with a namespace that admits the agents', () => {
    assert.equal(namespace?.kind, 'Namespace');
    assert.equal(namespace.metadata.labels['pod-security.kubernetes.io/enforce'], 'privileged');
  });

  it('holds what the chart installs, without what only Helm understands', () => {
    const names = (all: readonly Manifest[]) => all.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`).sort();
    const installed = objects.filter(({ metadata }) => !metadata.annotations?.['helm.sh/hook']);
    assert.deepEqual(names(rest), names(installed));
    assert.doesNotMatch(installManifest(), /helm/i);
  });
});
