import { isNodeOverlayIp, migrateAddresses } from './migrate-overlay-addresses.ts';
import { overlayNotes } from './migrate-overlay-notes.ts';
import { isConfiguration, type MigratedPool, migratePool, POOL } from './migrate-overlay-pool.ts';
import { isOlderRoute, migrateRoutes } from './migrate-overlay-routes.ts';
import { isAgents, isController, readWorkloads } from './migrate-overlay-workloads.ts';
import { type Finding, type Located, type Migrated, textAt } from './migrated.ts';

/** What is known of a cluster besides the objects of the older system. */
export interface OverlayCluster {
  /** Its Nodes; absent when they may not be seen. */
  readonly nodes?: ReadonlySet<string>;
  /** Whether it has the kind NodeOverlayIp at all. */
  readonly overlay: boolean;
}

/** Whether an object is one of the overlay IP controller's, so that it is kept. */
export function isOfOverlay(object: Located): boolean {
  return [isConfiguration, isAgents, isController, isNodeOverlayIp, isOlderRoute].some((is) => is(object));
}

/**
 * The overlay IP controller: one address for each node from phpIPAM, recorded in its NodeOverlayIp, and StaticRoutes. Addresses come
 * first in what is made of it, so that no node is given another before the pool has seen them. `names` of StaticRoutes are taken, and grow.
 * Without a `cluster` the objects are all that is known.
 */
export function migrateOverlay(objects: readonly Located[], names: Set<string>, cluster?: OverlayCluster): Migrated {
  const workloads = readWorkloads(objects);
  const pool = migratePool(objects.filter(isConfiguration), workloads);
  const olderAddresses = objects.filter(isNodeOverlayIp);
  const addresses = migrateAddresses(olderAddresses, cluster?.nodes);
  const overlay = cluster?.overlay ?? (olderAddresses.length > 0 || objects.some(isConfiguration));
  const routes = migrateRoutes(objects.filter(isOlderRoute), { overlay, ...workloads }, names);
  const taken = [...addresses.resources, ...(pool.resource === undefined ? [] : [pool.resource])];
  return {
    resources: [...taken, ...routes.resources],
    findings: [
      ...workloads.findings,
      ...pool.findings,
      ...addresses.findings,
      ...routes.findings,
      ...missingPool(objects, pool, olderAddresses),
      ...unclearGateway(objects, overlay || cluster !== undefined),
    ],
    notes:
      taken.length === 0
        ? []
        : overlayNotes({
            ...workloads,
            addresses: addresses.resources.length,
            ...(pool.localHost !== undefined && { localHost: pool.localHost }),
          }),
  };
}

function missingPool(objects: readonly Located[], pool: MigratedPool, addresses: readonly Located[]): readonly Finding[] {
  const [first] = addresses;
  if (first === undefined || pool.resource !== undefined || objects.some(isConfiguration)) return [];
  const message = `there is no ConfigMap with overlay-ip-config.yaml beside the addresses: name its file too, or write the OverlayPool ${POOL} by hand`;
  return [{ where: first.where(), message }];
}

/** Its agents took the gateway of their NodeOverlayIp, and where that kind was not known, of 10.0.0.0/8. Which one, a route does not say. */
function unclearGateway(objects: readonly Located[], clear: boolean): readonly Finding[] {
  const route = clear ? undefined : objects.filter(isOlderRoute).find(({ object }) => textAt(object, 'spec', 'gateway') === undefined);
  if (route === undefined) return [];
  const message =
    'it has no gateway, and there are no NodeOverlayIps: it follows the route to 10.0.0.0/8, as without overlay addresses; where nodes had some, name all files of the older system at once';
  return [{ where: route.where(), message }];
}
