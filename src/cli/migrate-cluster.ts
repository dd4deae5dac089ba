import { type ApiClient, ApiError, type ApiObject, isNotFound, type ResourceType } from '../cluster/api-client.ts';
import { NODES } from '../cluster/resource-types.ts';
import { askingTheCluster, listAll, withRights } from './cluster-objects.ts';
import { isOfOverlay, migrateOverlay } from './migrate-overlay.ts';
import { OLDER_API } from './migrate-overlay-addresses.ts';
import { parseArray, readSubnets, resourcesFor } from './migrate-static-routes.ts';
import type { Located, Migrated } from './migrated.ts';

const CONFIG_MAPS: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const DAEMON_SETS: ResourceType = { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true };
const DEPLOYMENTS: ResourceType = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
const OLDER_ADDRESSES: ResourceType = { apiVersion: OLDER_API, kind: 'NodeOverlayIp', plural: 'nodeoverlayips', namespaced: false };
const OLDER_ROUTES: ResourceType = { apiVersion: OLDER_API, kind: 'StaticRoute', plural: 'staticroutes', namespaced: false };
/** A ConfigMap may have a megabyte. */
const PAGE = 20;
/** An entry that was meant as an address or a prefix, though perhaps badly written. Other programs have keys of that name, too. */
const ADDRESS = /^\s*[0-9a-f]*[.:][0-9a-f.:]*(\/\d+)?\s*$/i;

/** What the older systems have in a cluster, as ours. Lists, and changes nothing. @throws CommandFailed */
export function migrateCluster(client: ApiClient, namespace: string | undefined): Promise<readonly Migrated[]> {
  return askingTheCluster(client, async () => {
    const narrower = namespace === undefined ? ', or name one namespace with --namespace' : '';
    const rights = `the right to list configmaps and daemonsets${narrower}`;
    const { configMaps, daemonSets } = await withRights(rights, () => gather(client, namespace));
    const names = new Set<string>();
    const routes = configMaps.filter(hasRoutes).map((configMap) => migrateRoutes(configMap, daemonSets, names));
    return [...routes, await migrateOlderOverlay(client, namespace, [...configMaps, ...daemonSets].filter(isOverlay), names)];
  });
}

function migrateRoutes(configMap: ApiObject, daemonSets: readonly ApiObject[], names: Set<string>): Migrated {
  const { metadata } = configMap;
  const { subnets, findings } = readSubnets(routesOf(configMap), () => `${metadata.namespace}/${metadata.name}`);
  const objects = daemonSets.filter((each) => each.metadata.namespace === metadata.namespace);
  return { resources: resourcesFor({ name: metadata.name, subnets, objects }, names), findings };
}

interface Found {
  readonly configMaps: readonly ApiObject[];
  readonly daemonSets: readonly ApiObject[];
}

async function gather(client: ApiClient, namespace: string | undefined): Promise<Found> {
  const selection = namespace === undefined ? {} : { namespace };
  const keep = (configMap: ApiObject): boolean => hasRoutes(configMap) || isOverlay(configMap);
  const configMaps = await listAll(client, CONFIG_MAPS, { selection, page: PAGE, keep });
  return { configMaps, daemonSets: await listAll(client, DAEMON_SETS, { selection, page: PAGE }) };
}

/** Its own kinds are those of the whole cluster. Who has none of it need not have a right to see them. */
async function migrateOlderOverlay(
  client: ApiClient,
  namespace: string | undefined,
  traces: readonly ApiObject[],
  names: Set<string>,
): Promise<Migrated> {
  const certain = traces.length > 0;
  const list = (type: ResourceType, listing = {}): Promise<readonly ApiObject[] | undefined> =>
    withRights('the right to list nodeoverlayips and staticroutes of iks.ibm.com, and deployments', () =>
      listAll(client, type, listing).catch((error: unknown) => {
        if (isNotFound(error) || (!certain && isForbidden(error))) return undefined;
        throw error;
      }),
    );
  const addresses = await list(OLDER_ADDRESSES);
  const routes = await list(OLDER_ROUTES);
  if (!certain && !addresses?.length && !routes?.length) return { resources: [], findings: [] };
  const deployments = await list(DEPLOYMENTS, {
    ...(namespace !== undefined && { selection: { namespace } }),
    page: PAGE,
    keep: isOverlay,
  });
  const objects = [...traces, ...(deployments ?? []), ...(addresses ?? []), ...(routes ?? [])].map(locatedObject);
  return migrateOverlay(objects, names, { overlay: addresses !== undefined, ...(await knownNodes(client)) });
}

/** Who may not see Nodes learns nothing of addresses whose node is gone. */
async function knownNodes(client: ApiClient): Promise<{ readonly nodes?: ReadonlySet<string> }> {
  const nodes = await listAll(client, NODES).catch((error: unknown) => {
    if (isForbidden(error)) return undefined;
    throw error;
  });
  return nodes === undefined ? {} : { nodes: new Set(nodes.map(({ metadata }) => metadata.name)) };
}

function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}

function isOverlay(object: ApiObject): boolean {
  return isOfOverlay(locatedObject(object));
}

/** By kind and name, since it is in no file: `configmap default/overlay-ip-controller-config`. */
function locatedObject(object: ApiObject): Located {
  const { name, namespace } = object.metadata;
  const where = (): string => `${object.kind.toLowerCase()} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  return { object: { ...object }, where, whereInText: where };
}

function hasRoutes(configMap: ApiObject): boolean {
  const routes = routesOf(configMap);
  const entries = typeof routes === 'string' ? parseArray(routes) : [];
  return typeof entries !== 'string' && entries.some((entry) => typeof entry === 'string' && ADDRESS.test(entry));
}

function routesOf({ data }: ApiObject): unknown {
  return typeof data === 'object' && data !== null && 'routes' in data ? data.routes : undefined;
}
