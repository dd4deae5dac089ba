import type { ClusterNetwork, Meta, NodeResource } from '../core/resources.ts';
import { API_VERSION, type ManifestKind } from './define-kind.ts';
import { formatErrors, type Parsed } from './errors.ts';
import { clusterNetworkKind, parseClusterNetwork } from './kinds/cluster-network.ts';
import { parseNode } from './kinds/node.ts';
import { KINDS, MANIFEST_KINDS } from './kinds.ts';
import { isObject, type JsonObject, metaOfNamed, type Scoped } from './metadata.ts';
import { nearest } from './nearest.ts';
import { quote, shapeName } from './quote.ts';

type DocumentOf<K> = K extends ManifestKind<infer Type, infer Value> ? { readonly type: Type; readonly value: Value } : never;

/** What one document of a manifests folder, or one object of the API, turned out to be. */
export type ParsedDocument =
  | DocumentOf<(typeof MANIFEST_KINDS)[number]>
  | { readonly type: 'node'; readonly value: NodeResource }
  | { readonly type: 'cluster-network'; readonly value: ClusterNetwork }
  /** Fine where it stands, and of no use here. */
  | { readonly type: 'ignored'; readonly why: string }
  /** Of a kind that is read here, and properly named, but wrong: an older version of it may stay in force. */
  | { readonly type: 'invalid'; readonly meta: Meta; readonly message: string }
  /** Says nothing about itself that can be relied on. */
  | { readonly type: 'problem'; readonly message: string };

type Reader = (object: JsonObject, source?: string) => ParsedDocument;

/** Reads one object. `source` is where it was read, for people, when that is a file: `routes.yaml:12`. Never throws. */
export function parseDocument(value: unknown, source?: string): ParsedDocument {
  if (!isObject(value)) return { type: 'problem', message: `is not a Kubernetes object: found ${shapeName(value)}` };
  const { apiVersion, kind } = value;
  if (typeof kind !== 'string' || kind === '') return { type: 'problem', message: `has no kind: write one of ${known()}` };
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    const version = VERSION_OF.get(kind);
    return { type: 'problem', message: `${quote(kind)} has no apiVersion${version === undefined ? '' : `: write ${version}`}` };
  }
  const reader = READERS.get(`${apiVersion} ${kind}`);
  return reader ? reader(value, source) : { type: 'problem', message: unknownKind(apiVersion, kind) };
}

/** The objects of a `kind: List` (as `kubectl get -o yaml` writes it), also of lists in lists; any other value is returned alone. */
export function flattenLists(value: unknown): readonly unknown[] {
  if (!isObject(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return [value];
  const items = value['items'];
  return Array.isArray(items) ? items.flatMap(flattenLists) : [value];
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...KINDS.map((kind): [string, Reader] => [`${API_VERSION} ${kind.kind}`, ignored('it is written by Fairlead, not read')]),
  ...MANIFEST_KINDS.map((entry): [string, Reader] => [`${API_VERSION} ${entry.definition.kind}`, manifestReader(entry)]),
  [`${API_VERSION} ClusterNetwork`, reader(clusterNetworkKind, parseClusterNetwork, (value) => ({ type: 'cluster-network', value }))],
  ['v1 Node', reader({ kind: 'Node', scope: 'Cluster' }, parseNode, (value) => ({ type: 'node', value }))],
  ['v1 Service', ignored('no resource refers to it')],
  ['discovery.k8s.io/v1 EndpointSlice', ignored('no resource refers to it')],
]);

/** The apiVersion to write for each kind. */
const VERSION_OF: ReadonlyMap<string, string> = new Map(
  [...READERS.keys()].map((key) => {
    const [version = '', kind = ''] = key.split(' ');
    return [kind, version];
  }),
);

function manifestReader({ definition, read }: (typeof MANIFEST_KINDS)[number]): Reader {
  return reader(
    definition,
    (object, source): Parsed<ParsedDocument> => read(object, source),
    (document) => document,
  );
}

function reader<T>(of: Scoped, parse: (object: unknown, source?: string) => Parsed<T>, accept: (value: T) => ParsedDocument): Reader {
  return (object, source) => {
    const parsed = parse(object, source);
    if (parsed.ok) return accept(parsed.value);
    const message = formatErrors(parsed.errors);
    const meta = metaOfNamed(of, object, source);
    return meta ? { type: 'invalid', meta, message } : { type: 'problem', message: `${of.kind}: ${message}` };
  };
}

function ignored(why: string): Reader {
  return (object) => ({ type: 'ignored', why: `${String(object['kind'])}: ${why}` });
}

function known(): string {
  return [...READERS.keys()].join(', ');
}

/** Names what was meant, when that can be guessed, else what is known. */
function unknownKind(apiVersion: string, kind: string): string {
  const found = `${quote(apiVersion)} ${quote(kind)} is not a kind that is read here`;
  const meant = VERSION_OF.has(kind) ? kind : nearest(kind, [...VERSION_OF.keys()]);
  return meant === undefined ? `${found}: known are ${known()}` : `${found}: did you mean ${VERSION_OF.get(meant)} ${meant}?`;
}
