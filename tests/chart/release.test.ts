import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { INSTALL_FILE } from '../../tools/install-manifest.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { CHART, Helm } from './helm.ts';

const ROOT = join(CHART, '../..');
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/staticroutes.fairlead.dev';
const ROUTES = '/apis/fairlead.dev/v1alpha1/staticroutes';
const ALL_KINDS =
  'sa,role,rolebinding,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,pdb,deployment,daemonset';

/** Jobs do not run here: there is no kubelet. */
const NO_JOBS = '--no-hooks';
const CHANGE_MS = 500;
const HERE = ['--namespace', 'fairlead-system'];

let plane: ControlPlane;
let helm: Helm;
/** The chart as it was some versions ago: a field of StaticRoute was not known yet, and a column had another name. */
let older: string;

before(async () => {
  plane = await startControlPlane({ controllerManager: true });
  helm = new Helm(plane.kubeconfig);
  older = join(plane.folder, 'older');
  cpSync(CHART, older, { recursive: true });
  rewrite(join(older, 'definitions/staticroutes.fairlead.dev.yaml'), [
    [/^ {16}mtu:\n(?: {18}.*\n)+/m, ''],
    ['name: Failed', 'name: Broken'],
  ]);
  rewrite(join(older, 'Chart.yaml'), [[/^version: .*/m, 'version: 0.0.9']]);
});
after(async () => {
  helm[Symbol.dispose]();
  await plane.stop();
});

/** @throws Error when a pattern is not in the file */
function rewrite(file: string, changes: readonly (readonly [pattern: RegExp | string, text: string])[]): void {
  let text = readFileSync(file, 'utf8');
  for (const [pattern, replacement] of changes) {
    assert.notEqual(text.search(pattern), -1, `${file} has no ${pattern}`);
    text = text.replace(pattern, replacement);
  }
  writeFileSync(file, text);
}

interface Definition {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly versions: readonly [
      { readonly schema: { readonly openAPIV3Schema: object }; readonly additionalPrinterColumns: readonly { readonly name: string }[] },
    ];
  };
}

/** Whether the definition in the API server is the present one, or the older one. */
async function definition(): Promise<'present' | 'older'> {
  const [{ schema, additionalPrinterColumns }] = (await plane.api.get<Definition>(CRD)).spec.versions;
  const knowsMtu = JSON.stringify(schema).includes('"mtu"');
  assert.equal(
    additionalPrinterColumns.some(({ name }) => name === 'Failed'),
    knowsMtu,
  );
  return knowsMtu ? 'present' : 'older';
}

function route(name: string, spec: object = {}): object {
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec: { subnets: ['192.168.50.0/24'], ...spec } };
}

/** Resolves when the kind is served: for a moment after a change of its definition it is not. */
async function served(): Promise<void> {
  await plane.api.until(ROUTES, () => true);
}

/** What the API server could not delete at once, since it had just begun to serve it, it tries again in five minutes, or at a change. */
async function deleteDefinitions(): Promise<void> {
  await plane.kubectl(['delete', 'crd', '--all', '--wait=false']);
  for (let change = 0; (await plane.kubectl(['get', 'crd', '-o', 'name'])) !== ''; change++) {
    await sleep(CHANGE_MS);
    await plane.kubectl(['annotate', 'crd', '--all', '--overwrite', `test/change=${change}`]).catch(() => undefined);
  }
}

async function leftovers(): Promise<string> {
  return plane.kubectl(['get', ALL_KINDS, '-A', '-l', 'app.kubernetes.io/part-of=fairlead', '-o', 'name']);
}

describe('a release', () => {
  afterEach(async () => {
    for (const { name, namespace } of JSON.parse(await helm.run('list', '-A', '-o', 'json')) as { name: string; namespace: string }[])
      await helm.run('uninstall', name, '--namespace', namespace, NO_JOBS, '--cascade=background');
    await deleteDefinitions();
    assert.equal(await leftovers(), '');
  });

  it('is installed, upgraded with its definitions, and uninstalled; resources stay', async () => {
    await helm.run('install', 'fairlead', older, ...HERE, '--create-namespace');
    assert.equal(await definition(), 'older');
    await served();
    await plane.api.post(ROUTES, route('kept'));
    await assert.rejects(plane.api.post(`${ROUTES}?fieldValidation=Strict`, route('new', { mtu: 1400 })), /unknown field "spec\.mtu"/);

    await helm.run('upgrade', 'fairlead', CHART, ...HERE);
    assert.equal(await definition(), 'present');
    // The API server takes a moment to use what it has.
    await plane.api.until('/openapi/v2', (page: object) => JSON.stringify(page).includes('"mtu"'));
    await served();
    await plane.api.post(`${ROUTES}?fieldValidation=Strict`, route('new', { mtu: 1400 }));

    await helm.run('rollback', 'fairlead', '1', ...HERE);
    assert.equal(await definition(), 'older');
    await helm.run('upgrade', 'fairlead', CHART, ...HERE);

    const said = await helm.run('uninstall', 'fairlead', ...HERE, NO_JOBS);
    assert.match(said, /kept due to the resource policy:[\s\S]*staticroutes\.fairlead\.dev/);
    assert.equal(await leftovers(), '');
    await served();
    const names = (await plane.api.list(ROUTES)).map(({ metadata }) => metadata.name);
    assert.deepEqual(names.sort(), ['kept', 'new']);
    await helm.run('install', 'fairlead', CHART, ...HERE);
  });

  it('takes definitions and resources with it when it shall not keep them', async () => {
    await helm.run('install', 'fairlead', CHART, ...HERE, '--set=crds.keep=false');
    await served();
    await plane.api.post(ROUTES, route('gone'));
    await helm.run('uninstall', 'fairlead', ...HERE, NO_JOBS);
    await plane.kubectl(['wait', '--for=delete', '--timeout=60s', 'crd', 'staticroutes.fairlead.dev']);
  });

  it('gets a policy whose expressions have the right types', async () => {
    await helm.run('install', 'fairlead', CHART, ...HERE);
    const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/fairlead-agent-own-node';
    interface Policy {
      readonly metadata: { readonly generation: number };
      readonly status?: { readonly observedGeneration?: number; readonly typeChecking?: object };
    }
    const { status } = await plane.api.until<Policy>(path, ({ metadata, status }) => status?.observedGeneration === metadata.generation);
    assert.deepEqual(status?.typeChecking, {});
  });

  it('has its pods made: nothing about them is refused', async () => {
    await plane.api.post('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1', labels: { 'kubernetes.io/os': 'linux' } },
    });
    await plane.api.patch('/api/v1/namespaces/fairlead-system', {
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    });
    await helm.run('install', 'fairlead', CHART, ...HERE);
    interface Pods {
      readonly items: readonly { readonly metadata: { readonly generateName: string }; readonly spec: { readonly priority: number } }[];
    }
    const { items } = await plane.api.until<Pods>('/api/v1/namespaces/fairlead-system/pods', (pods) => pods.items.length === 3);
    const priorities = items.map(({ metadata, spec }) => [metadata.generateName.split('-', 2).join('-'), spec.priority]).sort();
    assert.deepEqual(priorities, [
      ['fairlead-agent', 2_000_001_000],
      ['fairlead-controller', 2_000_000_000],
      ['fairlead-controller', 2_000_000_000],
    ]);
    await plane.api.delete('/api/v1/nodes/n1');
  });

  it('says in its notes when the namespace does not admit the agents', async () => {
    const patch = (level: string | null) =>
      plane.api.patch('/api/v1/namespaces/fairlead-system', { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } });
    await patch('restricted');
    const notes = await helm.run('install', 'fairlead', CHART, ...HERE);
    assert.match(notes, /kubectl label --overwrite namespace fairlead-system pod-security\.kubernetes\.io\/enforce=privileged/);
    await patch('privileged');
    assert.doesNotMatch(await helm.run('upgrade', 'fairlead', CHART, ...HERE), /kubectl label/);
    await patch(null);
  });

  it('is the only one of its cluster, and says so', async () => {
    await helm.run('install', 'fairlead', CHART, ...HERE);
    const elsewhere = ['install', 'second', CHART, '--namespace=other', '--create-namespace'];
    for (const more of [[], ['--take-ownership', '--force-conflicts']]) {
      const { code, stderr } = await helm.try(...elsewhere, ...more);
      assert.equal(code, 1);
      assert.match(stderr, /Fairlead is already installed, in namespace fairlead-system: there is one in a cluster/);
    }
    const beside = await helm.try('install', 'second', CHART, ...HERE);
    assert.match(beside.stderr, /exists and cannot be imported into the current release/);
    await helm.run('upgrade', 'fairlead', CHART, ...HERE);
  });

  it('may move to another namespace', async () => {
    await helm.run('install', 'fairlead', CHART, ...HERE);
    await helm.run('uninstall', 'fairlead', ...HERE, NO_JOBS);
    const move = ['install', 'net', CHART, '--namespace=elsewhere', '--create-namespace'];
    assert.match((await helm.try(...move)).stderr, /"clusternetworks\.fairlead\.dev" in namespace "" exists and cannot be imported/);
    await helm.run(...move, '--take-ownership');
  });

  it('takes over definitions that kubectl has applied, older ones too', async () => {
    await plane.kubectl(['apply', '-f', join(older, 'definitions')]);
    const install = ['upgrade', '--install', 'fairlead', CHART, ...HERE];
    assert.match((await helm.try(...install)).stderr, /exists and cannot be imported/);
    await helm.run(...install, '--take-ownership', '--force-conflicts');
    assert.equal(await definition(), 'present');
  });

  it('takes over what deploy/install.yaml has installed', async () => {
    const file = join(ROOT, INSTALL_FILE);
    await plane.kubectl(['apply', '-f', file]);
    const { stderr } = await helm.try('install', 'fairlead', CHART, '--namespace=other');
    assert.match(stderr, /already installed, in namespace fairlead-system/);
    await helm.run('upgrade', '--install', 'fairlead', CHART, ...HERE, '--take-ownership', '--force-conflicts');
    const { metadata } = await plane.api.get<Definition>(CRD);
    assert.equal(metadata.annotations?.['meta.helm.sh/release-name'], 'fairlead');
  });

  it('lives with definitions that are applied first', async () => {
    await helm.run('install', 'fairlead', older, ...HERE);
    await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(ROOT, 'deploy/crds')]);
    assert.equal(await definition(), 'present');
    await helm.run('upgrade', 'fairlead', CHART, ...HERE);
    assert.equal(await definition(), 'present');
  });
});
