import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { allocate } from '../../src/ipam/allocate.ts';
import {
  type Holding,
  type Inventory,
  type IpamProvider,
  IpamRefused,
  IpamUnavailable,
  type RecordedHolding,
} from '../../src/ipam/provider.ts';
import type { ManualClock } from '../agent/clock.ts';
import { address } from './builders.ts';
import type { FakePhpIpam } from './fake-phpipam.ts';

/** Many failures in a row are no accident. */
const PATIENCE = 200;

/** Repeats what may be repeated until it is done, as a controller does. */
export async function untilDone<T>(clock: ManualClock, work: () => Promise<T>): Promise<T> {
  for (let i = 0; i < PATIENCE; i++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof IpamUnavailable || error instanceof IpamRefused)) throw error;
      const wait = error instanceof IpamUnavailable ? (error.retryAfter ?? 1000) : 60_000;
      await clock.advance(wait, async () => {});
      await turn();
    }
  }
  return assert.fail(`not done after ${PATIENCE} tries`);
}

/** Time passes while a request is left without an answer, so that somebody gives up; once for all that hang at that moment. */
export function passTimeOnHang(fake: FakePhpIpam, clock: ManualClock): void {
  fake.onHang = () => void clock.advance(60_000, async () => {});
}

/** A controller with a ledger of its own: what it enters there before it claims, it never forgets. */
export class Tenant {
  readonly provider: IpamProvider;
  /** By address. */
  readonly ledger = new Map<string, string>();
  readonly #held = new Map<string, RecordedHolding>();
  readonly #clock: ManualClock;

  constructor(provider: IpamProvider, clock: ManualClock) {
    this.provider = provider;
    this.#clock = clock;
  }

  /** What its nodes use. */
  get held(): readonly RecordedHolding[] {
    return [...this.#held.values()];
  }

  /** Until every node has an address in the ranges of its zone. */
  async serve(nodes: readonly string[], zone: string): Promise<void> {
    while (nodes.some((node) => this.held.every((each) => each.node !== node))) {
      await this.tidy();
      const { ranges } = await this.#look();
      const entered = new Set(this.ledger.values());
      const wishes = nodes.filter((node) => !entered.has(node)).map((node) => ({ node, zone, families: [4] as const }));
      for (const each of allocate(wishes.slice(0, 5), ranges, new Set(this.ledger.keys()))) {
        if (each.outcome === 'waiting') continue;
        for (const chosen of each.addresses) this.ledger.set(chosen.address.text, each.node);
      }
      await this.#claim([...this.ledger].flatMap(([text, node]) => (this.#held.has(text) ? [] : { node, address: address(text) })));
    }
  }

  /** Gives up some of what it holds: first the record, then the entry. */
  async release(holdings: readonly RecordedHolding[]): Promise<void> {
    for (const {
      address: { text },
    } of holdings)
      this.#held.delete(text);
    await untilDone(this.#clock, () => this.provider.release(holdings));
    for (const {
      address: { text },
    } of holdings)
      this.ledger.delete(text);
  }

  /** Takes away records of ours that are not in the ledger: of requests that came late, and beside those of others. */
  async tidy(): Promise<void> {
    for (let orphans = await this.#orphans(); orphans.length > 0; orphans = await this.#orphans()) {
      await untilDone(this.#clock, () => this.provider.release(orphans));
    }
  }

  async #orphans(): Promise<readonly RecordedHolding[]> {
    const { ranges, stranded = [] } = await this.#look();
    const seen = [...ranges.flatMap(({ records }) => [...records]), ...stranded];
    return seen.flatMap(([text, { record, node }]) =>
      node === undefined || this.ledger.has(text) ? [] : { node, record, address: address(text) },
    );
  }

  #look(): Promise<Inventory> {
    return untilDone(this.#clock, () => this.provider.look());
  }

  async #claim(holdings: readonly Holding[]): Promise<void> {
    const claims = await untilDone(this.#clock, () => this.provider.claim(holdings));
    for (const [i, holding] of holdings.entries()) {
      const claim = claims[i];
      const { text } = holding.address;
      if (claim?.outcome === 'held') this.#held.set(text, { ...holding, ...(claim.record !== undefined && { record: claim.record }) });
      else this.ledger.delete(text);
    }
  }
}
