import { Backoff } from '../runtime/clock.ts';
import { ApiError } from './api-client.ts';

/**
 * Milliseconds. A server that is back must be in use within three seconds, and then it often asks for another one ("storage is
 * initializing"), so nobody waits longer than this for one that was away.
 */
const LONGEST_AWAY = 1_500;
/** For a server that answers, and refuses: 5000 agents ask it at most once in this time each. */
const LONGEST_REFUSED = 10_000;
const FIRST = 200;
/** Longer than this is not waited because a server, or what stands before it, asks for it. */
const LONGEST_ASKED = 60_000;

/** How long to wait before the next request, in milliseconds: growing, and never the same for all, or all would come back at once. */
export class Retry {
  readonly #away = new Backoff(FIRST, LONGEST_AWAY);
  readonly #refused = new Backoff(FIRST, LONGEST_REFUSED);
  readonly #random: () => number;

  /** `random` answers from 0 up to 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** After a failure, or (without one) after an end that came too soon. */
  after(error?: unknown): number {
    const answered = !(error instanceof ApiError) || error.status !== 0;
    if (answered) this.#away.reset();
    const delay = (answered ? this.#refused : this.#away).next() * (0.5 + this.#random() / 2);
    const asked = error instanceof ApiError ? Math.min(error.retryAfter ?? 0, LONGEST_ASKED) : 0;
    return Math.max(delay, asked * (1 + this.#random() / 2));
  }

  /** The server is there. */
  reached(): void {
    this.#away.reset();
  }

  /** The server does what it should. */
  reset(): void {
    this.#away.reset();
    this.#refused.reset();
  }
}
