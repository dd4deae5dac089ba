import { type FieldError, formatErrors, read } from '../api/errors.ts';
import { selectorField, toSelector } from '../api/selector-field.ts';
import type { ApiObject } from '../cluster/api-client.ts';
import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { LabelSelector } from '../core/resources.ts';
import type { EntryPool, RouteEntry } from './entry-pool.ts';
import { type KnownStatus, knownStatus } from './route-status.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from './wire.ts';

/** What the controller keeps of each object: there may be 1000 reports of 500 entries. `version` tells two states of an object apart. */
export interface View {
  readonly name: string;
  readonly uid: string;
  /** Its resourceVersion. */
  readonly version: string;
}

export interface RouteView extends View {
  readonly generation: number;
  /** Undefined when it cannot be read; `problem` says why then. */
  readonly selector: LabelSelector | undefined;
  readonly problem: string | undefined;
  readonly status: KnownStatus;
}

export interface NodeView extends View {
  /** When it came, RFC 3339. */
  readonly created: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Why the Node is not Ready, in one word; undefined when it is, and when nobody has said so. */
  readonly notReady: string | undefined;
  readonly podRanges: readonly Prefix[];
  readonly addresses: readonly Address[];
}

export interface ReportView extends View {
  /** By the clock of the node, RFC 3339. */
  readonly lastSync: string | undefined;
  readonly routes: ReadonlyMap<string, RouteEntry>;
}

const selector = selectorField({ about: 'The nodes that get the routes.' });

/** A StaticRoute. Only its selector is read: it may be of a newer version, and whether the rest is valid is for the agents to say. */
export function routeView(object: ApiObject): RouteView {
  const parsed = read(selector, fieldsOf(object['spec'])['nodeSelector'] ?? {}, ['spec', 'nodeSelector']);
  return {
    ...view(object),
    generation: object.metadata.generation ?? 0,
    selector: parsed.ok ? toSelector(parsed.value) : undefined,
    problem: parsed.ok ? undefined : unreadable(parsed.errors),
    status: knownStatus(object['status']),
  };
}

function unreadable(errors: readonly FieldError[]): string {
  return `the controller cannot read which nodes are selected: ${formatErrors(errors)}`;
}

/**
 * A `v1/Node`. What of its addresses and ranges cannot be read is left out. Its kubelet writes it again every few minutes, and of thousands
 * somebody always does: what says the same is the view of before.
 */
export function nodeView(object: ApiObject, before?: NodeView): NodeView {
  const now = readNode(object);
  return before && nodeText(before) === nodeText(now) ? before : now;
}

function nodeText({ uid, created, labels, notReady, podRanges, addresses }: NodeView): string {
  return JSON.stringify([uid, created, [...labels].sort(), notReady, podRanges.map(String), addresses.map(String)]);
}

function readNode(object: ApiObject): NodeView {
  const spec = fieldsOf(object['spec']);
  const status = fieldsOf(object['status']);
  const ranges = textsOf(spec['podCIDRs']);
  const own = ranges.length > 0 ? ranges : textsOf([spec['podCIDR']]);
  const addresses = listOf(status['addresses']).map(fieldsOf);
  const ips = addresses.flatMap(({ type, address }) => (type === 'InternalIP' || type === 'ExternalIP' ? [address] : []));
  return {
    ...view(object),
    created: object.metadata.creationTimestamp ?? '',
    labels: new Map(Object.entries(object.metadata.labels ?? {})),
    notReady: notReady(listOf(status['conditions']).map(fieldsOf)),
    podRanges: parsed(own, Prefix.parse),
    addresses: parsed(textsOf(ips), Address.parse),
  };
}

/** Without the condition nobody has judged the Node yet: then its agent alone speaks for it. */
function notReady(conditions: readonly Fields[]): string | undefined {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready || ready['status'] === 'True') return undefined;
  return textOf(ready['reason']) ?? 'NotReady';
}

/** A NodeReport: of its many fields, what the StaticRoutes need. */
export function reportView(pool: EntryPool): (object: ApiObject) => ReportView {
  return (object) => {
    const status = fieldsOf(object['status']);
    const routes = new Map<string, RouteEntry>();
    for (const item of listOf(status['resources'])) {
      const fields = fieldsOf(item);
      const name = textOf(fields['name']);
      if (fields['kind'] === 'StaticRoute' && name !== undefined) routes.set(name, pool.entry(fields));
    }
    return { ...view(object), lastSync: textOf(status['lastSync']), routes };
  };
}

export function view({ metadata }: ApiObject): View {
  return { name: metadata.name, uid: metadata.uid, version: metadata.resourceVersion };
}

/** What can be parsed of some texts. */
export function parsed<T>(values: readonly string[], parse: (text: string) => T): readonly T[] {
  return values.flatMap((value) => {
    try {
      return [parse(value)];
    } catch {
      return [];
    }
  });
}
