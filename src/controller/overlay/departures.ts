import type { Address } from '../../core/ip/address.ts';
import { addressText, type OverlayIPView } from './ip-view.ts';
import { ANSWER_MS, LEAST_MS } from './patience.ts';

/** How long a user who has deleted a NodeOverlayIP may take to make another, before the one that was deleted comes back. Milliseconds. */
const COMEBACK_MS = 2_000;
/** How long an agent may take to say that it has taken away what was deleted. Milliseconds. */
const PATIENCE_MS = 300_000;

export interface Remembered {
  readonly prefixLength: number;
  readonly gateway: string | undefined;
}

/** Both in milliseconds. */
export interface Moment {
  /** Of the clock. */
  readonly now: number;
  /** Time spent listening (see Attention): nobody is late whom we did not hear. */
  readonly attended: number;
}

/** Which NodeOverlayIPs of a pool have gone just now, and which wait to go for how long. */
export class Departures {
  #present: ReadonlyMap<string, OverlayIPView> = new Map();
  readonly #goneAt = new Map<string, number>();
  /** Since when each that is deleted has been so, by its uid, in attended milliseconds. */
  #leavingSince: ReadonlyMap<string, number> = new Map();
  /** Of those that have gone: what was told about their addresses. */
  readonly #told = new Map<string, Remembered>();
  #moment: Moment = { now: 0, attended: 0 };

  look(objects: ReadonlyMap<string, OverlayIPView>, moment: Moment): void {
    this.#moment = moment;
    for (const [node, object] of this.#present) {
      if (objects.has(node)) continue;
      this.#goneAt.set(node, moment.now);
      for (const own of object.addresses) {
        this.#told.set(own.address.text, { prefixLength: own.prefixLength, gateway: object.told.addresses.get(addressText(own))?.gateway });
      }
    }
    for (const [node, at] of this.#goneAt) if (moment.now - at >= COMEBACK_MS) this.#goneAt.delete(node);
    const leaving = [...objects.values()].filter(({ deleting }) => deleting);
    this.#leavingSince = new Map(leaving.map(({ uid }) => [uid, this.#leavingSince.get(uid) ?? moment.attended]));
    this.#present = objects;
  }

  justGone(node: string): boolean {
    return this.#goneAt.has(node);
  }

  overdue(object: OverlayIPView): boolean {
    return (this.leavingFor(object) ?? 0) >= PATIENCE_MS;
  }

  /** For how long it has been on its way out; undefined when it is not. */
  leavingFor({ uid }: OverlayIPView): number | undefined {
    const since = this.#leavingSince.get(uid);
    return since === undefined ? undefined : this.#moment.attended - since;
  }

  /** What was told of an address before its NodeOverlayIP went; it may be in no range any more. */
  remembered(address: Address): Remembered | undefined {
    return this.#told.get(address.text);
  }

  /** When there is something to look at again because of time alone; by the clock, infinite when there is nothing. */
  get due(): number {
    const { now, attended } = this.#moment;
    const answers = [...this.#leavingSince.values()].map((since) => since + ANSWER_MS - attended).filter((left) => left > 0);
    const comebacks = [...this.#goneAt.values()].map((at) => at + COMEBACK_MS);
    return Math.min(...comebacks, ...answers.map((left) => now + Math.max(left, LEAST_MS)));
  }
}
