import { selects } from '../core/selector.ts';
import type { FleetNode } from './decide-static-route.ts';
import { sameEntry } from './entry-pool.ts';
import { Strays } from './strays.ts';
import type { NodeView, ReportView, RouteView, View } from './views.ts';

/** An agent sends a sign of life every two minutes. */
export const SILENT_MS = 300_000;
/** How long the agent of a new Node may take to report for the first time. */
const JOINING_MS = 60_000;

/** The items of a reflector. */
export type Items<V> = ReadonlyMap<string, { readonly value: V }>;

export interface Collections {
  readonly routes: Items<RouteView>;
  readonly nodes: Items<NodeView>;
  readonly reports: Items<ReportView>;
}

/** Both in milliseconds. */
export interface Moment {
  /** Time spent listening (see Attention). */
  readonly attended: number;
  /** Wall clock. */
  readonly date: number;
}

export interface FleetChanges {
  /** Names of StaticRoutes of which anything may be different now, also of those that are gone. */
  readonly routes: ReadonlySet<string>;
  /** Whether ranges or addresses of Nodes are. */
  readonly network: boolean;
}

interface Member {
  node: NodeView;
  readonly since: number;
  seen: FleetNode;
}

interface Heard {
  report: ReportView;
  at: number;
}

/**
 * What the controller knows of all nodes, kept so that a change costs what it touches: a new NodeReport the StaticRoutes in it, a Node
 * the StaticRoutes that select it, and no message compares every route with every node.
 */
export class Fleet {
  readonly #routes = new Map<string, RouteView>();
  readonly #nodes = new Map<string, NodeView>();
  readonly #reports = new Map<string, ReportView>();
  readonly #members = new Map<string, Member>();
  readonly #heard = new Map<string, Heard>();
  readonly #strays = new Strays();
  #attended = 0;
  #order: readonly Member[] | undefined;

  get routes(): ReadonlyMap<string, RouteView> {
    return this.#routes;
  }

  get reports(): ReadonlyMap<string, ReportView> {
    return this.#reports;
  }

  get nodes(): ReadonlyMap<string, NodeView> {
    return this.#nodes;
  }

  /** All Nodes, by name. */
  get sorted(): readonly FleetNode[] {
    this.#order ??= [...this.#members.values()].sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
    return this.#order.map(({ seen }) => seen);
  }

  /** Whether the agent of a node has been heard of lately. Of a Node that is gone its report may still be there. */
  isHeard(name: string): boolean {
    const { seen } = this.#members.get(name) ?? {};
    if (seen) return seen.report !== undefined && !seen.silent && seen.notReady === undefined;
    const heard = this.#heard.get(name);
    return this.isStray(name) || (heard !== undefined && this.#attended - heard.at < SILENT_MS);
  }

  /** Whether an agent runs on though its Node is gone. */
  isStray(name: string): boolean {
    return !this.#members.has(name) && this.#strays.isHeard(name);
  }

  /** Takes over what the collections hold now. */
  update(collections: Collections, moment: Moment): FleetChanges {
    const dirty = new Set<string>(differences(this.#routes, collections.routes).map(({ name }) => name));
    const network = this.#takeNodes(collections.nodes, moment, dirty);
    this.#takeReports(collections.reports, moment, dirty);
    this.#attended = moment.attended;
    this.#strays.prune(moment.attended);
    for (const member of this.#members.values()) this.#see(member, moment, dirty);
    return { routes: dirty, network };
  }

  #takeNodes(items: Items<NodeView>, { attended }: Moment, dirty: Set<string>): boolean {
    let network = false;
    for (const { name, before, after } of differences(this.#nodes, items)) {
      network ||= !before || !after || networkOf(before) !== networkOf(after);
      const member = this.#members.get(name);
      if (!after) {
        this.#members.delete(name);
        this.#order = undefined;
        if (member) this.#touchSelecting(member.seen, dirty);
      } else if (member) member.node = after;
      else {
        this.#members.set(name, { node: after, since: attended, seen: NOBODY });
        this.#strays.settle(name);
        this.#order = undefined;
      }
    }
    return network;
  }

  #takeReports(items: Items<ReportView>, moment: Moment, dirty: Set<string>): void {
    for (const { name, before, after } of differences(this.#reports, items)) {
      if (!after) this.#heard.delete(name);
      else this.#heard.set(name, { report: after, at: before ? moment.attended : firstHeard(after, moment) });
      if (!this.#nodes.has(name)) this.#strays.look(name, { known: before !== undefined, there: after !== undefined }, moment.attended);
      for (const route of changedEntries(before, after)) dirty.add(route);
    }
  }

  /** What has become of a node: a difference touches every route that selects it, but that of a mere entry is known already. */
  #see(member: Member, { attended }: Moment, dirty: Set<string>): void {
    const { node, seen: before } = member;
    const heard = this.#heard.get(node.name);
    const silent = heard !== undefined && attended - heard.at >= SILENT_MS;
    const joining = heard === undefined && attended - member.since < JOINING_MS;
    const sameNode = before !== NOBODY && before.notReady === node.notReady && sameLabels(before.labels, node.labels);
    const sameVoice = before.silent === silent && before.joining === joining && !before.report === !heard;
    if (sameNode && sameVoice && before.report === heard?.report) return;
    const labels = sameNode ? before.labels : node.labels;
    member.seen = { name: node.name, labels, notReady: node.notReady, report: heard?.report, silent, joining };
    if (sameNode && sameVoice) return;
    if (before !== NOBODY) this.#touchSelecting(before, dirty);
    this.#touchSelecting(member.seen, dirty);
  }

  #touchSelecting({ labels }: FleetNode, dirty: Set<string>): void {
    for (const { name, selector } of this.#routes.values()) if (selector && selects(selector, labels)) dirty.add(name);
  }
}

const NOBODY: FleetNode = { name: '', labels: new Map(), notReady: undefined, report: undefined, silent: false, joining: false };

/**
 * From when on silence counts for a report that was already there: its age by the clocks of node and controller, once that is too much;
 * clocks that are a little apart make nobody silent.
 */
function firstHeard({ lastSync }: ReportView, { attended, date }: Moment): number {
  const age = date - Date.parse(lastSync ?? '');
  return age >= SILENT_MS ? attended - age : attended;
}

function changedEntries(before: ReportView | undefined, after: ReportView | undefined): readonly string[] {
  const names = new Set([...(before?.routes.keys() ?? []), ...(after?.routes.keys() ?? [])]);
  return [...names].filter((name) => !sameEntry(before?.routes.get(name), after?.routes.get(name)));
}

interface Difference<V> {
  readonly name: string;
  readonly before: V | undefined;
  readonly after: V | undefined;
}

/** What differs by version or uid, and takes it over. */
function differences<V extends View>(known: Map<string, V>, items: Items<V>): readonly Difference<V>[] {
  const found: Difference<V>[] = [];
  for (const [name, { value }] of items) {
    const before = known.get(name);
    if (before?.version === value.version && before.uid === value.uid) continue;
    found.push({ name, before, after: value });
    known.set(name, value);
  }
  if (known.size === items.size) return found;
  for (const [name, before] of known) {
    if (items.has(name)) continue;
    found.push({ name, before, after: undefined });
    known.delete(name);
  }
  return found;
}

function networkOf({ podRanges, addresses }: NodeView): string {
  return `${podRanges.join(' ')} ${addresses.join(' ')}`;
}

function sameLabels(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value));
}
