import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import { API_VERSION } from '../api/define-kind.ts';
import { parseStaticRoute } from '../api/kinds/static-route.ts';
import { flattenLists } from '../api/parse.ts';
import { Address, InvalidAddress } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';

/** Something that could not be used: where, and why. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Migrated {
  readonly resources: readonly object[];
  readonly findings: readonly Finding[];
}

const MOST_SUBNETS = 4096;

/**
 * The static-routes DaemonSet: a ConfigMap whose `routes` key is a JSON array of subnets, which each node routed through the
 * gateway that it already used for 10.0.0.0/8. Other documents of the same manifests are passed over; a nodeSelector of the
 * DaemonSet that mounts the ConfigMap is kept.
 */
export function migrateRoutesConfigMap(text: string, file: string, taken: ReadonlySet<string>): Migrated {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const found = 'empty' in documents ? [] : documents;
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const read = found.map((document) => readDocument(document, (offset, message) => finding(file, lineAt(offset), message)));
  const objects = read.flatMap((each) => flattenLists(each.value));
  const names = new Set(taken);
  const parts = found
    .flatMap(({ contents }) => mapsIn(contents))
    .flatMap((map): Migrated[] => {
      const routes = routesOf(map);
      if (!routes) return [];
      const own = nonEmpty(map.getIn(['metadata', 'name']));
      const { subnets, findings } = readSubnets(routes, text, file, lineAt);
      return [{ resources: resourcesFor(own ?? 'static-routes', names, subnets, nodeSelectorFor(own, objects)), findings }];
    });
  return { resources: parts.flatMap((part) => part.resources), findings: [...read, ...parts].flatMap((each) => each.findings) };
}

interface ReadDocument {
  readonly value?: unknown;
  readonly findings: readonly Finding[];
}

/** The plain value, and what is wrong with the YAML; an alias to nothing is found only when the value is made. */
function readDocument(document: Document.Parsed, found: (offset: number, message: string) => Finding): ReadDocument {
  if (document.errors.length > 0) return { findings: document.errors.map((error) => found(error.pos[0], error.message)) };
  try {
    return { value: document.toJS() as unknown, findings: [] };
  } catch (error) {
    return { findings: [found(document.range[0], error instanceof Error ? error.message : String(error))] };
  }
}

/** The objects of a document; those of a `kind: List`, as `kubectl get -o yaml` writes it, one by one. */
function mapsIn(node: unknown): YAMLMap[] {
  if (!isMap(node)) return [];
  const items = node.get('items');
  return isSeq(items) && String(node.get('kind')).endsWith('List') ? items.items.flatMap(mapsIn) : [node];
}

/** The value of `data.routes` of a ConfigMap. */
function routesOf(map: YAMLMap): Node | undefined {
  const node = map.get('kind') === 'ConfigMap' ? map.getIn(['data', 'routes'], true) : undefined;
  return isNode(node) ? node : undefined;
}

interface Subnets {
  readonly subnets: readonly string[];
  readonly findings: readonly Finding[];
}

function readSubnets(routes: Node, text: string, file: string, lineAt: (offset: number) => number): Subnets {
  let offset = routes.range?.[0] ?? 0;
  const entries = isScalar(routes) && typeof routes.value === 'string' ? parseArray(routes.value) : 'is not a text that holds a JSON array';
  if (typeof entries === 'string') return { subnets: [], findings: [finding(file, lineAt(offset), `routes ${entries}`)] };
  const subnets = new Set<string>();
  const findings: Finding[] = [];
  for (const entry of entries) {
    const quoted = JSON.stringify(entry);
    const position = text.indexOf(typeof entry === 'string' ? entry : quoted, offset);
    if (position >= 0) offset = position + quoted.length - 2;
    const read = readSubnet(entry);
    const line = lineAt(position >= 0 ? position : offset);
    if ('reason' in read) findings.push(finding(file, line, `${quoted} is left out: ${read.reason}`));
    else if (subnets.has(read.subnet)) findings.push(finding(file, line, `${quoted} is left out: it is there already`));
    else subnets.add(read.subnet);
  }
  return { subnets: [...subnets], findings };
}

/** The entries, or what is wrong with the text. */
function parseArray(text: string): readonly unknown[] | string {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return 'is not a JSON array of subnets';
    return value.length === 0 ? 'is an empty array: there is nothing to route' : value;
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A bare address worked in the older system as a route to one host, so it becomes one; all else must be a subnet that we take. */
function readSubnet(entry: unknown): { readonly subnet: string } | { readonly reason: string } {
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

function resourcesFor(name: string, names: Set<string>, subnets: readonly string[], matchLabels: object | undefined): object[] {
  const count = Math.ceil(subnets.length / MOST_SUBNETS);
  return Array.from({ length: count }, (_, i) => ({
    apiVersion: API_VERSION,
    kind: 'StaticRoute',
    metadata: { name: unique(count > 1 ? `${name}-${i + 1}` : name, names) },
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
  const uses = (object: unknown): boolean => JSON.stringify(at(object, 'spec') ?? null).includes(JSON.stringify(configMap));
  const user = objects.find((object) => at(object, 'kind') === 'DaemonSet' && uses(object));
  const selector = at(user, 'spec', 'template', 'spec', 'nodeSelector');
  return typeof selector === 'object' && selector !== null ? selector : undefined;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let inner: unknown = value;
  for (const key of path) inner = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
  return inner;
}

function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let i = 2; taken.has(candidate); i++) candidate = `${name}-${i}`;
  taken.add(candidate);
  return candidate;
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function finding(file: string, line: number, message: string): Finding {
  return { file, line, message: message.split('\n')[0] ?? message };
}
