import { ApiError } from './api-client.ts';

/** Milliseconds. */
const FIRST = 200;
/** A server that is back must be in use within three seconds, and then it often asks for one more ("storage is initializing"). */
const LONGEST = 1_500;
/** So often a server may refuse before it is asked less often: one that starts refuses for some seconds. */
const PATIENCE = 20;
/** One that goes on refusing: 5000 agents ask it at most once in this time each. */
const LONGEST_REFUSED = 10_000;
/** Longer than this is not waited because a server, or what stands before it, asks for it. */
const LONGEST_ASKED = 60_000;

/** How long to wait before the next request, in milliseconds: growing, and never the same for all, or all would come back at once. */
export class Retry {
  readonly #random: () => number;
  #delay = FIRST;
  #refusals = 0;

  /** `random` answers from 0 up to 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** After a failure, or (without one) after an end that came too soon. */
  after(error?: unknown): number {
    const unanswered = error instanceof ApiError && error.status === 0;
    this.#refusals = unanswered ? 0 : this.#refusals + 1;
    const delay = Math.min(this.#delay, this.#refusals > PATIENCE ? LONGEST_REFUSED : LONGEST);
    this.#delay = delay * 2;
    const asked = error instanceof ApiError ? Math.min(error.retryAfter ?? 0, LONGEST_ASKED) : 0;
    return Math.max(delay * (0.5 + this.#random() / 2), asked * (1 + this.#random() / 2));
  }

  /** The server does what it should. */
  reset(): void {
    this.#delay = FIRST;
    this.#refusals = 0;
  }
}
