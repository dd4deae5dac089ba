import type { ResourceSnapshot, SourceProblem } from '../core/resources.ts';
import type { Usable } from './usable.ts';

/**
 * One object in force. `path` and `line` say where it was read: a file and a line from 1, or an API server and 0. `resource` is undefined when a remembered object is not valid for
 * this version of the program.
 */
export interface InForce {
  readonly path: string;
  readonly line: number;
  readonly raw: unknown;
  readonly resource: () => Usable | undefined;
}

/** A file (or an API server) that was readable at least once. `unrecognised`: documents in it of which nobody knows what they are. */
export interface KnownFile {
  readonly readAt: string;
  readonly unrecognised: number;
}

/** All that the next look needs to know about those before it. */
export interface Memory {
  /** Whether everything has been read once since the start, or since the place was back. */
  readonly complete: boolean;
  readonly objects: ReadonlyMap<string, InForce>;
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly asOf?: string;
}

export const EMPTY_MEMORY: Memory = { complete: false, objects: new Map(), files: new Map() };

/** What a snapshot says besides what is in force. */
export interface Remarks {
  readonly invalid: ResourceSnapshot['invalid'];
  readonly problems: readonly SourceProblem[];
  /** Why it is not complete. */
  readonly reason: string | undefined;
}

/** What is in force, in the order of where it was read. */
export function snapshotOf(memory: Memory, { invalid, problems, reason }: Remarks): ResourceSnapshot {
  const inOrder = [...memory.objects.values()].sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
  const usable = inOrder.map(({ resource }) => resource()).filter((resource) => resource !== undefined);
  const clusterNetwork = usable.find((resource) => resource.type === 'cluster-network')?.value;
  return {
    staticRoutes: usable.flatMap((resource) => (resource.type === 'static-route' ? [resource.value] : [])),
    overlayPools: usable.flatMap((resource) => (resource.type === 'overlay-pool' ? [resource.value] : [])),
    nodeOverlayIPs: usable.flatMap((resource) => (resource.type === 'node-overlay-ip' ? [resource.value] : [])),
    nodes: usable.flatMap((resource) => (resource.type === 'node' ? [resource.value] : [])),
    ...(clusterNetwork === undefined ? {} : { clusterNetwork }),
    invalid,
    problems,
    complete: memory.complete,
    ...(reason === undefined ? {} : { incompleteReason: reason }),
    ...(memory.asOf === undefined ? {} : { asOf: memory.asOf }),
  };
}

/** Whether two snapshots say the same; `asOf` alone makes no difference. Resources are compared by identity. */
export function sameSnapshot(a: ResourceSnapshot, b: ResourceSnapshot): boolean {
  return (
    sameItems(a.staticRoutes, b.staticRoutes) &&
    sameItems(a.overlayPools, b.overlayPools) &&
    sameItems(a.nodeOverlayIPs, b.nodeOverlayIPs) &&
    sameItems(a.nodes, b.nodes) &&
    a.clusterNetwork === b.clusterNetwork &&
    a.complete === b.complete &&
    a.incompleteReason === b.incompleteReason &&
    JSON.stringify([a.invalid, a.problems]) === JSON.stringify([b.invalid, b.problems])
  );
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Whether both have the same objects in force, from the same places: then there is nothing new to keep for a restart. */
export function sameInForce(a: Memory, b: Memory): boolean {
  if (a.objects.size !== b.objects.size || a.files.size !== b.files.size) return false;
  for (const [key, { path, line, raw }] of a.objects) {
    const other = b.objects.get(key);
    if (other === undefined || other.raw !== raw || other.path !== path || other.line !== line) return false;
  }
  for (const [path, { unrecognised }] of a.files) if (b.files.get(path)?.unrecognised !== unrecognised) return false;
  return true;
}
