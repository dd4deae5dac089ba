import { API_VERSION } from '../api/define-kind.ts';
import { formatErrors } from '../api/errors.ts';
import { parseStaticRoute } from '../api/kinds/static-route.ts';
import { OLDER_API } from './migrate-overlay-addresses.ts';
import { POOL } from './migrate-overlay-pool.ts';
import { readSubnet } from './migrate-static-routes.ts';
import { type Finding, firstLine, type Located, textAt, unique } from './migrated.ts';

/** The label by which a route was one of a zone; Nodes had it then. Both labels of a Node say the same. */
const OLDER_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const ZONE = 'topology.kubernetes.io/zone';

export function isOlderRoute({ object }: Located): boolean {
  return object['apiVersion'] === OLDER_API && object['kind'] === 'StaticRoute';
}

export interface RouteSurroundings {
  /** Whether nodes had overlay addresses. Where they had none, a route without a gateway went the way of 10.0.0.0/8. */
  readonly overlay: boolean;
  /** The nodes that its DaemonSet ran on. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

export interface MigratedRoutes {
  readonly resources: readonly object[];
  readonly findings: readonly Finding[];
}

/** A StaticRoute for each of the older ones, that leads through the gateway that its agents used. `names` are taken, and grow. */
export function migrateRoutes(objects: readonly Located[], surroundings: RouteSurroundings, names: Set<string>): MigratedRoutes {
  const resources: object[] = [];
  const findings: Finding[] = [];
  const seenAt = new Map<string, string>();
  for (const older of objects) {
    const name = textAt(older.object, 'metadata', 'name') ?? 'static-route';
    const read = readRoute(older, surroundings);
    const key = JSON.stringify([read.subnet, read.nodeSelector]);
    const earlier = seenAt.get(key);
    const fault = earlier === undefined ? read.fault : `${read.subnet} is there already, at ${earlier}`;
    if (fault !== undefined) {
      findings.push({ where: older.where('spec', read.field), message: firstLine(`StaticRoute ${name} is left out: ${fault}`) });
      continue;
    }
    seenAt.set(key, older.where('spec', 'subnet'));
    resources.push(staticRoute(unique(name, names), read));
  }
  return { resources, findings };
}

interface ReadRoute {
  readonly subnet: string;
  readonly via: object;
  readonly nodeSelector?: object;
  readonly fault?: string;
  /** The field that the fault is in. */
  readonly field: 'subnet' | 'gateway';
}

function readRoute({ object }: Located, { overlay, nodeSelector }: RouteSurroundings): ReadRoute {
  const gateway = textAt(object, 'spec', 'gateway');
  const text = textAt(object, 'spec', 'subnet');
  const zone = textAt(object, 'metadata', 'labels', OLDER_ZONE);
  const matchLabels = { ...nodeSelector, ...(zone !== undefined && { [ZONE]: zone }) };
  const subnet = text === undefined ? { reason: 'it has no spec.subnet' } : readSubnet(text);
  const read = {
    subnet: 'subnet' in subnet ? subnet.subnet : '',
    via: gateway !== undefined ? { gateway } : overlay ? { overlay: { pool: POOL } } : { discover: { toward: ['10.0.0.0/8'] } },
    ...(Object.keys(matchLabels).length > 0 && { nodeSelector: { matchLabels } }),
  };
  if ('reason' in subnet) return { ...read, fault: subnet.reason, field: 'subnet' };
  const parsed = parseStaticRoute(staticRoute('probe', read));
  return parsed.ok
    ? { ...read, field: 'subnet' }
    : { ...read, fault: formatErrors(parsed.errors).replaceAll('\n', '; '), field: 'gateway' };
}

function staticRoute(name: string, { subnet, via, nodeSelector }: Pick<ReadRoute, 'subnet' | 'via' | 'nodeSelector'>): object {
  return {
    apiVersion: API_VERSION,
    kind: 'StaticRoute',
    metadata: { name },
    spec: { subnets: [subnet], via, ...(nodeSelector && { nodeSelector }) },
  };
}
