import type { DriftReport } from '../api/kinds/node-report.ts';
import type { Drift } from '../core/change.ts';
import { addressKey, linkKey, objectKey } from '../core/repair.ts';
import { formatRef } from '../core/resources.ts';
import type { Route } from '../core/route.ts';
import type { Owners } from './owners.ts';

/** So many of one resource's routes lost at once are told as one event. */
const FLUSH = 20;
const MOST_ENTRIES = 100;

type Entry = { -readonly [K in keyof DriftReport]: DriftReport[K] };

/** Something of ours that was lost. `at` is in microseconds of the kernel's clock. */
export interface Loss {
  readonly key: string;
  readonly event: Drift['event'];
  readonly at: number;
}

/** What was done to our state from outside, per object: how often, when last, and how fast it was restored. */
export class DriftLedger {
  readonly #entries = new Map<string, Entry>();
  /** Lost and not restored yet: entry and time of the loss, by object. */
  readonly #open = new Map<string, Loss & { readonly entry: Entry; readonly owner: string }>();

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Takes note of losses; the newest entries are kept. */
  note(drifts: readonly Drift[], owners: Owners, date: Date): void {
    const grouped = Map.groupBy(drifts, (drift) => `${drift.event} ${drift.route ? ownerText(drift.route, owners) : ''}`);
    for (const group of grouped.values()) {
      const [first] = group;
      if (first?.route && group.length > FLUSH) this.#noteFlush(group, ownerText(first.route, owners), date);
      else for (const drift of group) this.#addOne(drift, owners, date);
    }
  }

  /** Objects that are as they should be again, at `now` microseconds of the kernel's clock. Answers which of them had been lost. */
  restored(keys: Iterable<string>, now: number): Loss[] {
    return [...keys].flatMap((key) => {
      const loss = this.#open.get(key);
      if (!loss) return [];
      loss.entry.restoredMicros = Math.max(0, Math.round(now - loss.at));
      this.#open.delete(key);
      return [loss];
    });
  }

  /** Losses of resources that are gone will not be restored. */
  abandon(isWanted: (owner: string) => boolean): void {
    for (const [key, { owner }] of this.#open) if (!isWanted(owner)) this.#open.delete(key);
  }

  /** Newest first. */
  list(): DriftReport[] {
    return [...this.#entries.values()].reverse().map((entry) => ({ ...entry }));
  }

  #noteFlush(group: readonly Drift[], owner: string, date: Date): void {
    const doer = group[0]?.process ?? 'another process';
    const cause = group[0]?.event === 'LinkDown' ? 'their device went down' : `removed or replaced by ${doer}`;
    this.#add({ object: owner, event: 'TableFlushed', cause: `${group.length} routes at once: ${cause}` }, owner, group, date);
  }

  #addOne(drift: Drift, owners: Owners, date: Date): void {
    const owner = drift.route ? ownerText(drift.route, owners) : '';
    this.#add({ object: driftKey(drift), event: drift.event, cause: causeOf(drift, owners) }, owner, [drift], date);
  }

  #add(what: Pick<DriftReport, 'object' | 'event' | 'cause'>, owner: string, drifts: readonly Drift[], date: Date): void {
    const key = `${what.object} ${what.event}`;
    const before = this.#entries.get(key);
    const entry: Entry = { ...what, count: (before?.count ?? 0) + drifts.length, lastTime: date.toISOString() };
    const doer = drifts[0]?.process;
    if (doer !== undefined) entry.process = doer;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const drift of drifts) this.#open.set(driftKey(drift), { key: driftKey(drift), event: drift.event, at: drift.at, entry, owner });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST_ENTRIES) break;
      this.#entries.delete(oldest);
    }
  }
}

/** The same key as `objectKey` gives the change that repairs it. */
export function driftKey(drift: Drift): string {
  if (drift.sysctl) return objectKey({ op: 'set-sysctl', ...drift.sysctl, value: 0, previous: 0, restores: false });
  if (drift.link !== undefined) return linkKey(drift.link);
  if (drift.address) return addressKey(drift.address);
  return drift.route ? objectKey({ op: 'add-route', route: drift.route }) : drift.event;
}

function ownerText(route: Route, owners: Owners): string {
  const owner = owners.of(route);
  return owner ? formatRef(owner) : 'routes of no resource';
}

function causeOf(drift: Drift, owners: Owners): string {
  const doer = drift.process ?? 'another process';
  const whose = drift.route ? `${ownerText(drift.route, owners)}: ` : '';
  switch (drift.event) {
    case 'RouteDeleted':
      return drift.address ? `the route to its network: deleted by ${doer}` : `${whose}deleted by ${doer}`;
    case 'RouteReplaced':
      return `${whose}replaced by a foreign route of ${doer}`;
    case 'RouteChanged':
      return `${whose}changed by ${doer}`;
    case 'LinkDown':
      return `${whose}dropped by the kernel with its device`;
    case 'RouteVanished':
      return `${whose}found missing, without a notification of the kernel`;
    case 'SysctlChanged':
      return `set by ${doer}`;
    case 'LinkDeleted':
    case 'AddressDeleted':
      return `deleted by ${doer}`;
    case 'LinkChanged':
    case 'AddressChanged':
      return `changed by ${doer}`;
  }
}
