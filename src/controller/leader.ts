import { type ApiClient, ApiError, isConflict, isNotFound } from '../cluster/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import {
  decideLease,
  heldLease,
  LEASE_NAME,
  LEASES,
  type Lease,
  RENEW_DEADLINE_MS,
  readLease,
  releasedLease,
  type Sighting,
  sight,
} from './lease.ts';

const RETRY_MS = 2_000;
/** Longest wait for one answer, so that there is time to ask again before the deadline. */
const ANSWER_MS = 4_000;

export interface ElectorPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ElectorOptions {
  readonly namespace: string;
  /** Names this process and no other, also not its predecessor. */
  readonly identity: string;
  /** Hears of a change of `leads`. */
  readonly onChange: (leads: boolean) => void;
  /** Hears every error that is none of the API. */
  readonly onBug: (error: unknown) => void;
  /** 0 up to 1: for the jitter. */
  readonly random?: () => number;
}

/**
 * Leader election by a Lease. At most one of all processes leads: a leader stops 10 seconds after it sent its last successful renewal,
 * and nobody takes its Lease before having seen it unchanged for 15 seconds. Only monotonic time counts.
 * (Who deletes the Lease just before a process starts that has never seen it makes two of them lead, until the first renews: 2 seconds.)
 */
export class Elector {
  readonly #ports: ElectorPorts;
  readonly #options: ElectorOptions;
  #seen: Sighting | undefined;
  /** Whether the Lease is ours as far as is known: then it is renewed without looking first. */
  #held = false;
  #until = Number.NEGATIVE_INFINITY;
  #told = false;
  #closed = false;
  #attempt: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  #lastWords = '';

  constructor(ports: ElectorPorts, options: ElectorOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Whether this process may write now. Ask right before every write: a process may have been stopped since the last answer. */
  get leads(): boolean {
    return !this.#closed && this.#ports.clock.now() < this.#until;
  }

  start(): void {
    this.#attempt = this.#try()
      .catch(this.#options.onBug)
      .finally(() => this.#retryLater());
  }

  /** Leads no longer, and lets the next one take over at once. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelExpiry?.();
    this.#tell();
    await this.#attempt;
    const lease = this.#seen?.lease;
    if (!this.#held || !lease) return;
    try {
      await this.#answer(this.#ports.client.replace(LEASES, releasedLease(this.#options.namespace, lease, this.#ports.clock.date())));
    } catch (error) {
      this.#say(`the Lease could not be released and runs out by itself: ${messageOf(error)}`);
    }
  }

  #retryLater(): void {
    if (this.#closed) return;
    const { random = Math.random } = this.#options;
    this.#cancelRetry = this.#ports.clock.after(RETRY_MS * (0.8 + random() * 0.4), () => this.start());
  }

  async #try(): Promise<void> {
    try {
      if (!this.#held) await this.#look();
      await this.#act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(`the Lease ${this.#options.namespace}/${LEASE_NAME} could not be read or written: ${error.message}; it is tried again`);
    }
  }

  async #look(): Promise<void> {
    const lease = await this.#read();
    // After the answer: it may be older than that, never newer, so nobody's time is cut short.
    this.#seen = sight(this.#seen, lease, this.#ports.clock.now());
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return readLease(await this.#answer(this.#ports.client.get(LEASES, { namespace: this.#options.namespace, name: LEASE_NAME })));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #act(): Promise<void> {
    const { clock } = this.#ports;
    if (!this.#seen || this.#closed) return;
    const action = decideLease(this.#seen, this.#options.identity, clock.now());
    if (action.type === 'wait') return this.#say(`not the leader: that is ${action.holder}`);
    const sentAt = clock.now();
    try {
      const lease = readLease(await this.#answer(this.#write(action.type === 'replace' ? action.over : undefined)));
      this.#seen = sight(this.#seen, lease, clock.now());
      this.#held = true;
      this.#lead(sentAt + RENEW_DEADLINE_MS);
    } catch (error) {
      // Whether it was written is not known, or somebody else was faster: the next attempt looks first.
      this.#held = false;
      // Somebody has it now, though not even its name has been seen yet.
      if (isConflict(error)) this.#seen = { lease: undefined, since: clock.now(), deletedFrom: 'another controller' };
      if (isConflict(error) || isNotFound(error)) this.#lose();
      else throw error;
    }
  }

  #write(over: Lease | undefined) {
    const { client, clock } = this.#ports;
    const lease = heldLease(this.#options.namespace, this.#options.identity, over, clock.date());
    return over ? client.replace(LEASES, lease) : client.create(LEASES, lease);
  }

  #lead(until: number): void {
    const { clock } = this.#ports;
    this.#until = until;
    this.#cancelExpiry?.();
    if (this.#closed) return;
    this.#cancelExpiry = clock.after(until - clock.now(), () => this.#tell());
    this.#tell();
  }

  #lose(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#tell();
  }

  #tell(): void {
    const { leads } = this;
    if (leads === this.#told) return;
    this.#told = leads;
    if (!this.#closed)
      this.#say(leads ? `leader as ${this.#options.identity}` : 'no longer the leader: nothing is written until it is again');
    this.#options.onChange(leads);
  }

  /** The same words only once in a row. */
  #say(words: string): void {
    if (words !== this.#lastWords) this.#ports.log.info(words);
    this.#lastWords = words;
  }

  /** Its answer, or a rejection when that takes too long; what comes later is of no interest then. */
  #answer<T>(request: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const cancel = this.#ports.clock.after(ANSWER_MS, () =>
      reject(new ApiError(`${this.#ports.client.server} has not answered for ${ANSWER_MS / 1000} s`, { status: 0, reason: 'Timeout' })),
    );
    request.then(resolve, reject).finally(cancel);
    return promise;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
