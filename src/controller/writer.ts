import { API_VERSION } from '../api/define-kind.ts';
import { ApiError, isNotFound } from '../cluster/api-client.ts';
import { olderDefinition } from '../cluster/api-trouble.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

/** Owns all that the controller writes by server-side apply. */
export const FIELD_MANAGER = 'fairlead-controller';

/** Most writes under way at once. */
const MOST_WRITES = 16;
/** Longest wait because the server, or what stands before it, asks for it. Milliseconds. */
const LONGEST_ASKED_MS = 60_000;

/** What has become of a write. `refused`: the object itself is the reason; `dropped`: another reason, and it may be tried again. */
export type Outcome = 'written' | 'gone' | 'refused' | 'dropped';

/** Whatever is sent stops with the signal. */
export type Request = (signal: AbortSignal) => Promise<unknown>;

export interface WriterPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this process leads; asked right before every write. */
  readonly leads: () => boolean;
  readonly observe: (kind: string, outcome: Outcome) => void;
  /** Called when the server may be asked again. */
  readonly again: () => void;
  /** Hears every error that is none of the API. */
  readonly onBug: (error: unknown) => void;
}

interface Pause {
  readonly backoff: Backoff;
  notBefore: number;
  /** What was wrong the last time. */
  trouble: string | undefined;
}

/** The only way to the API server for what a leader writes. What cannot be written for a reason that concerns a whole kind waits together. */
export class Writer {
  readonly #ports: WriterPorts;
  readonly #writes = new Set<Promise<Outcome>>();
  readonly #pauses = new Map<string, Pause>();
  readonly #wakes = new Set<() => void>();
  readonly #term = new AbortController();

  constructor(ports: WriterPorts) {
    this.#ports = ports;
  }

  /** Whether an object of a kind may be written now. It may again when a write that is under way ends, and when `again` is called. */
  isFree(kind: string): boolean {
    const { clock, leads } = this.#ports;
    const { notBefore = 0 } = this.#pauses.get(kind) ?? {};
    return !this.#term.signal.aborted && leads() && clock.now() >= notBefore && this.#writes.size < MOST_WRITES;
  }

  /** Makes an attempt now, of one request after the other. Never rejects. */
  write(kind: string, name: string, ...requests: readonly Request[]): Promise<Outcome> {
    const done = this.#attempt(kind, name, requests).finally(() => this.#writes.delete(done));
    this.#writes.add(done);
    return done;
  }

  /** Ends what is under way, since this process leads no longer; resolves when it has ended. */
  async close(): Promise<void> {
    this.#term.abort(new ApiError('this controller is no longer the leader', { status: 0, reason: 'Deposed' }));
    for (const cancel of this.#wakes) cancel();
    await Promise.all(this.#writes);
  }

  async #attempt(kind: string, name: string, requests: readonly Request[]): Promise<Outcome> {
    const { signal } = this.#term;
    try {
      for (const request of requests) {
        if (signal.aborted || !this.#ports.leads()) return 'dropped';
        await request(signal);
      }
      this.#pauses.delete(kind);
      return this.#observed(kind, 'written');
    } catch (error) {
      if (signal.aborted) return 'dropped';
      if (!(error instanceof ApiError)) {
        this.#ports.onBug(error);
        return 'dropped';
      }
      if (isNotFound(error)) return this.#observed(kind, 'gone');
      if (concernsAll(error)) this.#pause(kind, name, error);
      else this.#ports.log.warn(`${kind} ${name} could not be written: ${error.message}; it is tried again, later each time`);
      return this.#observed(kind, concernsAll(error) ? 'dropped' : 'refused');
    }
  }

  #observed(kind: string, outcome: Outcome): Outcome {
    this.#ports.observe(kind, outcome);
    return outcome;
  }

  #pause(kind: string, name: string, error: ApiError): void {
    const { status, reason, retryAfter = 0 } = error;
    const { clock, log } = this.#ports;
    const pause = this.#pauses.get(kind) ?? { backoff: new Backoff(500, 4_000), notBefore: 0, trouble: undefined };
    this.#pauses.set(kind, pause);
    if (clock.now() < pause.notBefore) return;
    const delay = Math.max(pause.backoff.next(), Math.min(retryAfter, LONGEST_ASKED_MS));
    pause.notBefore = clock.now() + delay;
    this.#wakeIn(delay);
    const trouble = `${status} ${reason}`;
    const words = `${error.message}${olderDefinition(error, { apiVersion: API_VERSION, kind })}`;
    if (trouble !== pause.trouble) log.warn(`${kind} ${name} could not be written: ${words}; every ${kind} is tried again`);
    pause.trouble = trouble;
  }

  #wakeIn(delay: number): void {
    const wake = (): void => {
      this.#wakes.delete(cancel);
      this.#ports.again();
    };
    const cancel = this.#ports.clock.after(delay, wake);
    this.#wakes.add(cancel);
  }
}

/** How etcd refuses one object, which the API server passes on as trouble of its own. */
const TOO_LARGE = /request is too large|message larger than max/i;

/** No answer, no permission, too many requests, trouble of the server: the next object of that kind would fare no better. */
function concernsAll({ status, message }: ApiError): boolean {
  if (TOO_LARGE.test(message)) return false;
  return status === 0 || status === 401 || status === 403 || status === 429 || status >= 500;
}
