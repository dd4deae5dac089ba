import { isDeepStrictEqual } from 'node:util';
import type { Essence } from '../../api/define-kind.ts';
import { CLUSTER_NETWORK, clusterNetworkKind } from '../../api/kinds/cluster-network.ts';
import { MANIFEST_KINDS } from '../../api/kinds.ts';
import { isObject, type JsonObject } from '../../api/metadata.ts';
import { type ParsedDocument, parseDocument } from '../../api/parse.ts';
import type { ApiObject, ResourceType, Selection } from '../api-client.ts';
import { NODES, typeOf } from '../resource-types.ts';

/** A type that the agent of one node watches. */
export interface Watched {
  readonly type: ResourceType;
  readonly selection?: Selection;
  /** The one object of it that there must be. */
  readonly required?: Required;
}

export interface Required {
  readonly name: string;
  /** That it is not there, with the fix. */
  readonly missing: string;
  /** That it is no longer there, with the fix. */
  readonly gone: string;
}

/** One version of an object, as far as it matters here. */
export interface Reading {
  readonly raw: JsonObject;
  readonly parsed: ParsedDocument;
}

/** Its own Node and the ClusterNetwork, never all nodes; of the kinds that users write every object, or those of this node. */
export function watchedBy(nodeName: string): readonly Watched[] {
  return [
    {
      type: NODES,
      selection: { fieldSelector: `metadata.name=${nodeName}` },
      required: {
        name: nodeName,
        missing: `there is no Node ${nodeName}: see whether --node is right`,
        gone: `the Node ${nodeName} is gone, its last known labels count: end this agent if the node is to go`,
      },
    },
    {
      type: typeOf(clusterNetworkKind),
      selection: { fieldSelector: `metadata.name=${CLUSTER_NETWORK}` },
      required: {
        name: CLUSTER_NETWORK,
        missing: `the controller has not written ClusterNetwork ${CLUSTER_NETWORK} yet: see whether it runs`,
        gone: `ClusterNetwork ${CLUSTER_NETWORK} is gone, the last known one counts: see whether the controller runs`,
      },
    },
    ...MANIFEST_KINDS.flatMap((kind) => watchedOf(kind, nodeName)),
  ];
}

function watchedOf({ definition, watched }: (typeof MANIFEST_KINDS)[number], nodeName: string): readonly Watched[] {
  const type = typeOf(definition);
  switch (watched) {
    case 'every':
      return [{ type }];
    case 'own':
      return [{ type, selection: { fieldSelector: `spec.node=${nodeName}` } }];
    case 'none':
      return [];
  }
}

/** What agents act on besides the spec, by kind. */
const ESSENCES: ReadonlyMap<string, Essence> = new Map(
  MANIFEST_KINDS.flatMap(({ definition, essence }) => (essence === undefined ? [] : [[definition.kind, essence]])),
);

/** Reads an object. The same reading as before when nothing that matters has changed, such as when somebody wrote its status. */
export function readObject(object: ApiObject, before: Reading | undefined): Reading {
  const raw = object.kind === NODES.kind ? essenceOfNode(object) : essenceOf(object);
  if (before !== undefined && isDeepStrictEqual(before.raw, raw)) return before;
  return { raw, parsed: parseDocument(raw) };
}

/** Without labels and status, which are nobody's wish, but for what its kind says; a kind that has no spec is its status. */
function essenceOf({ apiVersion, kind, metadata, ...fields }: ApiObject): JsonObject {
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp } = metadata;
  const { status, ...rest } = fields;
  const essence = ESSENCES.get(kind);
  const decided = fields['spec'] === undefined ? status : essence && isObject(status) ? essence.status(status) : undefined;
  const deleted = essence?.deletion === true ? { deletionTimestamp } : {};
  const identity = defined({ name, namespace, uid, generation, creationTimestamp, ...deleted });
  return defined({ apiVersion, kind, metadata: identity, ...rest, status: decided });
}

/** A Node is written every few minutes by its kubelet; what is left out here would make work each time. */
function essenceOfNode({ apiVersion, kind, metadata, ...fields }: ApiObject): JsonObject {
  const { name, uid, labels } = metadata;
  const { podCIDR, podCIDRs } = partOf(fields['spec']);
  const { addresses } = partOf(fields['status']);
  const essence = { metadata: defined({ name, uid, labels }), spec: defined({ podCIDR, podCIDRs }), status: defined({ addresses }) };
  return { apiVersion, kind, ...essence };
}

function partOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
