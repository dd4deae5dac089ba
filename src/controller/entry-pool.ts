import { type Fields, numberOf, textOf } from './wire.ts';

/** What one node says about one StaticRoute. Two entries of one pool that say the same may be one object. */
export interface RouteEntry {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly ready: boolean;
  readonly reason: string;
  /** Empty for a node that is ready. */
  readonly message: string;
  readonly gateway: string | undefined;
  readonly device: string | undefined;
  readonly routes: number | undefined;
}

/** More are not shared: then the pool starts afresh, and only memory is lost. */
const MOST = 50_000;

/** Lets a thousand nodes that are all ready share one entry per route. */
export class EntryPool {
  readonly #entries = new Map<string, RouteEntry>();

  /** The entry of a NodeReport's `status.resources`. */
  entry({ uid, observedGeneration, ready, reason, message, gateway, device, routes }: Fields): RouteEntry {
    const entry = {
      uid: textOf(uid),
      generation: numberOf(observedGeneration),
      ready: ready === true,
      reason: textOf(reason) ?? 'Unknown',
      message: ready === true ? '' : (textOf(message) ?? ''),
      gateway: textOf(gateway),
      device: textOf(device),
      routes: numberOf(routes),
    };
    return entry.ready ? this.#shared(entry) : entry;
  }

  #shared(entry: RouteEntry): RouteEntry {
    const key = [entry.uid, entry.generation, entry.reason, entry.gateway, entry.device, entry.routes].join('\n');
    const known = this.#entries.get(key);
    if (known) return known;
    if (this.#entries.size >= MOST) this.#entries.clear();
    this.#entries.set(key, entry);
    return entry;
  }
}

export function sameEntry(a: RouteEntry | undefined, b: RouteEntry | undefined): boolean {
  if (a === b || !a || !b) return a === b;
  const keys = Object.keys(a) as readonly (keyof RouteEntry)[];
  return keys.every((key) => a[key] === b[key]);
}
