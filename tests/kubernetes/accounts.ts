import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openKubernetes } from '../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../src/cluster/kubernetes/config.ts';
import { Helm, type Manifest } from '../chart/helm.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { ApiRefused } from '../lab/kubernetes/api.ts';
import { createNamespace, podToken } from '../lab/kubernetes/objects.ts';
import { Running } from '../lab/process.ts';
import { Witness } from './witness.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 20;
const FAIRLEAD = join(import.meta.dirname, '../../src/bin/fairlead.ts');

export const NAMESPACE = 'fairlead-system';

/** What the chart has about accounts and what they may do, as it is rendered for the namespace above. */
export async function accountObjects(): Promise<readonly Manifest[]> {
  using helm = new Helm();
  return (await helm.render()).filter(({ apiVersion, kind }) => kind === 'ServiceAccount' || /^(rbac|admission)/.test(apiVersion));
}

/** The definitions, and the namespace with the accounts, roles and policy of the chart. */
async function installAccounts(plane: ControlPlane): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
  await plane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
  await createNamespace(plane.api, NAMESPACE);
  await Promise.all((await accountObjects()).map((object) => plane.api.post(pathOf(object), object)));
}

/** A control plane with the accounts of the chart. */
export async function startWithAccounts(options: Parameters<typeof startControlPlane>[0] = {}): Promise<ControlPlane> {
  const plane = await startControlPlane(options);
  try {
    await installAccounts(plane);
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/** Where objects of its type are made. */
export function pathOf({ apiVersion, kind, metadata: { namespace } }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, 'ie');
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}s`;
}

/** One permission of a role: a resource and one of the verbs that the role has for it. */
export interface Grant {
  /** The account that has it. */
  readonly account: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly verb: string;
  /** The same objects without it, for a namespace of their own. */
  without(namespace: string): readonly Manifest[];
}

/** Every single permission that an account has. */
export function grantsOf(account: string, objects: readonly Manifest[]): readonly Grant[] {
  const own = objects.filter(({ kind, metadata }) => metadata.name.startsWith(account) && !kind.startsWith('Validating'));
  return own.flatMap((role) =>
    ((role['rules'] ?? []) as readonly Rule[]).flatMap((rule, i) =>
      rule.resources.flatMap((words) =>
        rule.verbs.map((verb): Grant => {
          const [resource = '', subresource = ''] = words.split('/');
          const dropped = own.map((each) => (each === role ? { ...role, rules: withoutVerb(role['rules'], i, words, verb) } : each));
          // No rule of ours is about more than one.
          const group = rule.apiGroups.join();
          return { account, group, resource, subresource, verb, without: (namespace) => dropped.map((each) => movedTo(namespace, each)) };
        }),
      ),
    ),
  );
}

/** By these the controller gives overlay addresses: `overlay-rights.test.ts` proves them, and `rights.test.ts` all others. */
const TO_GIVE_ADDRESSES = ['overlaypools', 'nodeoverlayips', 'secrets', 'namespaces', 'events'];

export const givesAddresses = ({ account, resource, verb }: Grant): boolean =>
  account === 'fairlead-controller' && (TO_GIVE_ADDRESSES.includes(resource) || (resource === 'nodes' && verb === 'get'));

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

function withoutVerb(rules: readonly Rule[], index: number, resource: string, verb: string): readonly Rule[] {
  return rules.flatMap((rule, i) => {
    if (i !== index) return [rule];
    const others = { ...rule, resources: rule.resources.filter((each) => each !== resource) };
    const rest = { ...rule, resources: [resource], verbs: rule.verbs.filter((each) => each !== verb) };
    return [others, rest].filter(({ resources, verbs }) => resources.length > 0 && verbs.length > 0);
  });
}

/** Under names of its own, where the namespace of the release does not make it another object. */
function movedTo(namespace: string, object: Manifest): Manifest {
  const moved = JSON.parse(JSON.stringify(object).replaceAll(NAMESPACE, namespace)) as Manifest;
  if (moved.kind === 'ServiceAccount') return moved;
  const { roleRef, metadata } = moved;
  const renamed = (name: string): string => `${name}-${namespace}`;
  return {
    ...moved,
    metadata: { ...metadata, name: renamed(metadata.name) },
    ...(roleRef && { roleRef: { ...roleRef, name: renamed(roleRef.name) } }),
  };
}

/** The path of a kubeconfig with the token of a pod of an account on node n1. */
async function accountKubeconfig(plane: ControlPlane, namespace: string, account: string): Promise<string> {
  return plane.kubeconfigFor({ token: await podToken(plane.api, namespace, account, 'n1') });
}

/** The program under an account. */
export async function startUnder(plane: ControlPlane, namespace: string, account: string, words: readonly string[]): Promise<Running> {
  const kubeconfig = await accountKubeconfig(plane, namespace, account);
  return new Running(process.execPath, [FAIRLEAD, ...words, '--kubeconfig', kubeconfig]);
}

/** A client under an account, which is watched. */
export async function witness(plane: ControlPlane, namespace: string, account: string): Promise<Witness> {
  const kubeconfig = await accountKubeconfig(plane, namespace, account);
  return new Witness(openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: '0', role: 'test' }));
}

/** Resolves when the authorizer knows that an account may do something: it hears of roles a moment after they were made. */
export function mayDo(plane: ControlPlane, namespace: string, account: string, resourceAttributes: object): Promise<void> {
  const spec = { user: userOf(namespace, account), resourceAttributes };
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  return eventually(async () => (await plane.api.post<{ status: { allowed: boolean } }>(path, review)).status.allowed);
}

/** Asks until the answer is yes. @throws Error after a minute */
export async function eventually(ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${ask}`);
    await sleep(POLL_MS);
  }
}

export function userOf(namespace: string, account: string): string {
  return `system:serviceaccount:${namespace}:${account}`;
}

/** Deletes an object, if it is there, whatever it waits for. */
export async function remove(plane: ControlPlane, path: string): Promise<void> {
  try {
    await plane.api.delete(path);
    await plane.api.patch(path, { metadata: { finalizers: null } });
  } catch (error) {
    if (!(error instanceof ApiRefused) || error.code !== 404) throw error;
  }
}
