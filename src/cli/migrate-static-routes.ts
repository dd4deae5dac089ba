import { API_VERSION } from '../api/define-kind.ts';
import { parseStaticRoute } from '../api/kinds/static-route.ts';
import { Address, InvalidAddress } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { at, type Finding, firstLine, unique } from './migrated.ts';

/**
 * The static-routes DaemonSet: a ConfigMap whose `routes` key is a JSON array of subnets, which each node routed through the
 * gateway that it already used for 10.0.0.0/8.
 */
export interface OlderSystem {
  /** The name of the ConfigMap. */
  readonly name: string | undefined;
  readonly subnets: readonly string[];
  /** What stands beside it: the nodeSelector of the DaemonSet that mounts the ConfigMap is kept. */
  readonly objects: readonly unknown[];
}

export interface Subnets {
  readonly subnets: readonly string[];
  readonly findings: readonly Finding[];
}

const MOST_SUBNETS = 4096;

/** The subnets of a `routes` key. `whereIs` is asked for its place, and then for that of each entry, in order. */
export function readSubnets(routes: unknown, whereIs: (entry?: unknown) => string): Subnets {
  const place = whereIs();
  const entries = typeof routes === 'string' ? parseArray(routes) : 'is not a text that holds a JSON array';
  if (typeof entries === 'string') return { subnets: [], findings: [{ where: place, message: firstLine(`routes ${entries}`) }] };
  const subnets = new Set<string>();
  const findings: Finding[] = [];
  for (const entry of entries) {
    const where = whereIs(entry);
    const read = readSubnet(entry);
    const refuse = (reason: string): void =>
      void findings.push({ where, message: firstLine(`${JSON.stringify(entry)} is left out: ${reason}`) });
    if ('reason' in read) refuse(read.reason);
    else if (subnets.has(read.subnet)) refuse('it is there already');
    else subnets.add(read.subnet);
  }
  return { subnets: [...subnets], findings };
}

/** The entries, or what is wrong with the text. */
export function parseArray(text: string): readonly unknown[] | string {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return 'is not a JSON array of subnets';
    return value.length === 0 ? 'is an empty array: there is nothing to route' : value;
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A bare address worked in the older system as a route to one host, so it becomes one; all else must be a subnet that we take. */
export function readSubnet(entry: unknown): { readonly subnet: string } | { readonly reason: string } {
  if (typeof entry !== 'string') return { reason: 'it is not a text' };
  const subnet = hostRoute(entry.trim()) ?? entry.trim();
  const object = { apiVersion: API_VERSION, kind: 'StaticRoute', metadata: { name: 'probe' }, spec: { subnets: [subnet] } };
  const parsed = parseStaticRoute(object);
  if (parsed.ok) return { subnet: parsed.value.subnets[0]?.text ?? subnet };
  return { reason: parsed.errors.map((error) => error.message).join('; ') };
}

function hostRoute(text: string): string | undefined {
  try {
    return Prefix.of(Address.parse(text)).text;
  } catch (error) {
    if (error instanceof InvalidAddress) return undefined;
    throw error;
  }
}

/** The StaticRoutes that do the same: several when there are more subnets than one may have. `names` are taken, and grow. */
export function resourcesFor({ name, subnets, objects }: OlderSystem, names: Set<string>): readonly object[] {
  const count = Math.ceil(subnets.length / MOST_SUBNETS);
  const base = name ?? 'static-routes';
  const matchLabels = nodeSelectorFor(name, objects);
  return Array.from({ length: count }, (_, i) => ({
    apiVersion: API_VERSION,
    kind: 'StaticRoute',
    metadata: { name: unique(count > 1 ? `${base}-${i + 1}` : base, names) },
    spec: {
      subnets: subnets.slice(i * MOST_SUBNETS, (i + 1) * MOST_SUBNETS),
      via: { discover: { toward: ['10.0.0.0/8'] } },
      ...(matchLabels ? { nodeSelector: { matchLabels } } : {}),
    },
  }));
}

/** The nodeSelector of the DaemonSet that uses the ConfigMap. */
function nodeSelectorFor(configMap: string | undefined, objects: readonly unknown[]): object | undefined {
  if (configMap === undefined) return undefined;
  const user = objects.find((object) => at(object, 'kind') === 'DaemonSet' && refersTo(configMap, at(object, 'spec', 'template', 'spec')));
  const selector = at(user, 'spec', 'template', 'spec', 'nodeSelector');
  return typeof selector === 'object' && selector !== null ? selector : undefined;
}

/** The fields by which a pod names a ConfigMap: a volume, part of one, the environment, one variable of it. */
const REFERENCES = ['configMap', 'configMapRef', 'configMapKeyRef'];

function refersTo(configMap: string, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, inner]) => (REFERENCES.includes(key) && at(inner, 'name') === configMap) || refersTo(configMap, inner),
  );
}
