import type { ApiClient, ApiObject, ResourceType } from '../cluster/api-client.ts';
import { askingTheCluster, listAll, withRights } from './cluster-objects.ts';
import { type Migrated, parseArray, readSubnets, resourcesFor } from './migrate-static-routes.ts';

const CONFIG_MAPS: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const DAEMON_SETS: ResourceType = { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true };
/** A ConfigMap may have a megabyte. */
const PAGE = 20;
/** An entry that was meant as an address or a prefix, though perhaps badly written. Other programs have keys of that name, too. */
const ADDRESS = /^\s*[0-9a-f]*[.:][0-9a-f.:]*(\/\d+)?\s*$/i;

/** What the older system has in a cluster, as StaticRoutes. Lists, and changes nothing. @throws CommandFailed */
export function migrateCluster(client: ApiClient, namespace: string | undefined): Promise<Migrated> {
  return askingTheCluster(client, async () => {
    const narrower = namespace === undefined ? ', or name one namespace with --namespace' : '';
    const rights = `the right to list configmaps and daemonsets${narrower}`;
    const { configMaps, daemonSets } = await withRights(rights, () => gather(client, namespace));
    const names = new Set<string>();
    const parts = configMaps.map((configMap): Migrated => {
      const { metadata } = configMap;
      const { subnets, findings } = readSubnets(routesOf(configMap), () => `${metadata.namespace}/${metadata.name}`);
      const objects = daemonSets.filter((each) => each.metadata.namespace === metadata.namespace);
      return { resources: resourcesFor({ name: metadata.name, subnets, objects }, names), findings };
    });
    return { resources: parts.flatMap((part) => part.resources), findings: parts.flatMap((part) => part.findings) };
  });
}

interface Found {
  readonly configMaps: readonly ApiObject[];
  readonly daemonSets: readonly ApiObject[];
}

async function gather(client: ApiClient, namespace: string | undefined): Promise<Found> {
  const selection = namespace === undefined ? {} : { namespace };
  const configMaps = await listAll(client, CONFIG_MAPS, { selection, page: PAGE, keep: isOfTheOlderSystem });
  return { configMaps, daemonSets: configMaps.length === 0 ? [] : await listAll(client, DAEMON_SETS, { selection, page: PAGE }) };
}

function isOfTheOlderSystem(configMap: ApiObject): boolean {
  const routes = routesOf(configMap);
  const entries = typeof routes === 'string' ? parseArray(routes) : [];
  return typeof entries !== 'string' && entries.some((entry) => typeof entry === 'string' && ADDRESS.test(entry));
}

function routesOf({ data }: ApiObject): unknown {
  return typeof data === 'object' && data !== null && 'routes' in data ? data.routes : undefined;
}
