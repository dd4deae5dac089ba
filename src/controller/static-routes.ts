import { API_VERSION } from '../api/define-kind.ts';
import type { ApiClient, ResourceType } from '../cluster/api-client.ts';
import { isOlder } from '../cluster/collection.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import { BELIEF_MS } from './belief.ts';
import { decideStaticRoute, type FleetNode, type RouteDecision } from './decide-static-route.ts';
import type { Fleet } from './fleet.ts';
import { dueAt } from './pace.ts';
import { type KnownStatus, knownStatus } from './route-status.ts';
import type { RouteView } from './views.ts';
import { FIELD_MANAGER, type Writer } from './writer.ts';

export const STATIC_ROUTES: ResourceType = { apiVersion: API_VERSION, kind: 'StaticRoute', plural: 'staticroutes', namespaced: false };

/** How long one round may take: with 500 StaticRoutes on 1000 nodes all of them take half a second. Milliseconds. */
const BUDGET_MS = 30;

interface Track {
  lastWrite: number;
  wrongSince: number | undefined;
  incompleteWrites: number;
  writing: boolean;
  /** Not before that, after a refusal. */
  notBefore: number;
  readonly backoff: Backoff;
  /** What was written last, until the watch shows it. */
  written: { readonly status: KnownStatus; readonly version: string; readonly uid: string; readonly at: number } | undefined;
  /** The version of which the server said that it does not exist. */
  gone: string | undefined;
  counts: { readonly ready: number; readonly failed: number; readonly isReady: boolean } | undefined;
}

export interface StaticRoutePorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly writer: Writer;
  /** Called when a write has ended, and when one is due. */
  readonly again: () => void;
}

/** Sums over all StaticRoutes. */
export interface RouteTotals {
  readonly ready: number;
  readonly notReady: number;
  readonly nodesReady: number;
  readonly nodesFailed: number;
}

/** Keeps the status of every StaticRoute true, with as few writes as that takes. */
export class StaticRoutes {
  readonly #ports: StaticRoutePorts;
  readonly #namespace: string;
  readonly #tracks = new Map<string, Track>();
  readonly #dirty = new Set<string>();
  readonly #due = new Map<string, number>();
  #cancelWake: (() => void) | undefined;

  /** `namespace` is where the agents run. */
  constructor(ports: StaticRoutePorts, namespace: string) {
    this.#ports = ports;
    this.#namespace = namespace;
  }

  /** Have another look at these in the next round. */
  reconsider(names: Iterable<string>): void {
    for (const name of names) this.#dirty.add(name);
  }

  /** Looks at what may have changed and at what is due, and writes what is wrong. */
  round(fleet: Fleet): void {
    const { clock, writer, again } = this.#ports;
    for (const [name, due] of this.#due) {
      if (due > clock.now()) continue;
      this.#due.delete(name);
      this.#dirty.add(name);
    }
    const nodes = fleet.sorted;
    const enough = clock.now() + BUDGET_MS;
    for (const name of this.#dirty) {
      if (!writer.isFree(STATIC_ROUTES.kind)) break;
      if (clock.now() > enough) {
        again();
        break;
      }
      this.#dirty.delete(name);
      this.#due.delete(name);
      const route = fleet.routes.get(name);
      if (route) this.#consider(route, nodes);
      else this.#tracks.delete(name);
    }
    this.#wakeWhenDue();
  }

  close(): void {
    this.#cancelWake?.();
  }

  totals(): RouteTotals {
    const sum = { ready: 0, notReady: 0, nodesReady: 0, nodesFailed: 0 };
    for (const { counts } of this.#tracks.values()) {
      if (!counts) continue;
      sum[counts.isReady ? 'ready' : 'notReady']++;
      sum.nodesReady += counts.ready;
      sum.nodesFailed += counts.failed;
    }
    return sum;
  }

  #consider(route: RouteView, nodes: readonly FleetNode[]): void {
    const { clock } = this.#ports;
    const track = this.#trackOf(route.name);
    if (track.writing || track.gone === route.version) return;
    const now = clock.now();
    const status = present(route, track, now);
    const decision = decideStaticRoute({ ...route, status }, nodes, { namespace: this.#namespace, date: clock.date() });
    track.counts = countsOf(decision);
    const decided = knownStatus(decision.status);
    if (decided.fingerprint === status.fingerprint) {
      track.wrongSince = undefined;
      if (decision.complete) track.incompleteWrites = 0;
      return;
    }
    track.wrongSince ??= now;
    const due = Math.max(dueAt({ ...track, wrongSince: track.wrongSince }, decision.complete), track.notBefore);
    if (due > now) this.#due.set(route.name, due);
    else void this.#write(route, track, decision, decided);
  }

  async #write({ name, version }: RouteView, track: Track, { status, complete }: RouteDecision, known: KnownStatus): Promise<void> {
    const { client, clock, writer, again } = this.#ports;
    const at = clock.now();
    track.writing = true;
    track.lastWrite = at;
    const object = { apiVersion: API_VERSION, kind: STATIC_ROUTES.kind, metadata: { name }, status };
    const outcome = await writer.write(STATIC_ROUTES.kind, name, async (signal) => {
      const { metadata } = await client.apply(STATIC_ROUTES, object, { fieldManager: FIELD_MANAGER, subresource: 'status', signal });
      track.written = { status: known, version: metadata.resourceVersion, uid: metadata.uid, at };
    });
    track.writing = false;
    this.#dirty.add(name);
    if (outcome === 'written') {
      track.wrongSince = undefined;
      track.incompleteWrites = complete ? 0 : track.incompleteWrites + 1;
      track.backoff.reset();
    } else if (outcome === 'gone') track.gone = version;
    else if (outcome === 'refused') track.notBefore = clock.now() + track.backoff.next();
    again();
  }

  #trackOf(name: string): Track {
    const known = this.#tracks.get(name);
    if (known) return known;
    const track: Track = {
      lastWrite: Number.NEGATIVE_INFINITY,
      wrongSince: undefined,
      incompleteWrites: 0,
      writing: false,
      notBefore: 0,
      backoff: new Backoff(1_000, 60_000),
      written: undefined,
      gone: undefined,
      counts: undefined,
    };
    this.#tracks.set(name, track);
    return track;
  }

  #wakeWhenDue(): void {
    const { clock, again } = this.#ports;
    this.#cancelWake?.();
    let next = Infinity;
    for (const due of this.#due.values()) next = Math.min(next, due);
    this.#cancelWake = next === Infinity ? undefined : clock.after(Math.max(0, next - clock.now()), again);
  }
}

function countsOf({ status: { nodes, conditions } }: RouteDecision): Track['counts'] {
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return { ready: nodes.ready, failed: nodes.failed, isReady };
}

/** The status that the API server has: what the watch showed, or what was written since. */
function present(route: RouteView, { written }: Track, now: number): KnownStatus {
  if (!written || written.uid !== route.uid || now - written.at > BELIEF_MS) return route.status;
  return isOlder(route.version, written.version) ? written.status : route.status;
}
