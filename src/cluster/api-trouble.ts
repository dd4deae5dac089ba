import { GROUP } from '../api/define-kind.ts';
import { ApiError, type ResourceType } from './api-client.ts';

/** `staticroutes.fairlead.dev`, `nodes`: as `kubectl` and roles name it. */
export function resourceName({ apiVersion, plural }: ResourceType): string {
  const [group, version] = apiVersion.split('/');
  return version === undefined ? plural : `${plural}.${group}`;
}

/** The words of an API server for a field by which it cannot select objects. */
const UNKNOWN_SELECTOR = 'field label not supported';

/** Why objects of a type cannot be read, with the fix, for people. Whoever is not known at all (401) was told so by the client. */
export function readTrouble(error: unknown, type: ResourceType): string {
  const words = error instanceof Error ? error.message : String(error);
  const status = error instanceof ApiError ? error.status : undefined;
  const name = resourceName(type);
  if (status === 403) return `${words}: grant the verbs list and watch on ${name}; the ClusterRole of deploy/install.yaml does`;
  if (status === 400 && words.includes(UNKNOWN_SELECTOR)) {
    const cause = `the definition of ${type.kind} is older than this program, or the API server older than Kubernetes 1.31`;
    return `${words}: ${cause}; ${installFix(type)}`;
  }
  if (status === 404) return `${words}: ${type.apiVersion} ${type.kind} is not installed; ${installFix(type)}`;
  return words;
}

/** The words of an API server for a field in a server-side apply that its definition does not have; the status is 500. */
const UNKNOWN_FIELD = 'field not declared in schema';

/** To be added to what a write was refused with: the fix when the definition of the type is older than this program, else nothing. */
export function olderDefinition({ message }: ApiError, type: Pick<ResourceType, 'apiVersion' | 'kind'>): string {
  return message.includes(UNKNOWN_FIELD) ? `; the definition of ${type.kind} is older than this program: ${installFix(type)}` : '';
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/service-cidr-v1/ */
const SERVED_SINCE: Readonly<Record<string, string>> = { ServiceCIDR: 'Kubernetes 1.33' };

/** How a type comes to be served. */
export function installFix({ apiVersion, kind }: Pick<ResourceType, 'apiVersion' | 'kind'>): string {
  if (apiVersion.startsWith(`${GROUP}/`)) return 'run: fairlead crds | kubectl apply --server-side -f -';
  const since = SERVED_SINCE[kind];
  return since === undefined ? `see whether the API server serves ${apiVersion}` : `it is served since ${since}`;
}
