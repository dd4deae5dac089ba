import { Backoff, type Clock } from '../../runtime/clock.ts';
import { Turns } from '../../runtime/turns.ts';
import type { IpamRefused } from '../provider.ts';

/** Milliseconds between tries with a password that was wrong. */
const FIRST_PAUSE = 60_000;
/** After five minutes without a failure phpIPAM has forgotten all of them. */
const LONGEST_PAUSE = 10 * 60_000;
const FORGOTTEN_AFTER = 5 * 60_000;
/** Refused logins after which also one that was not refused yet has to wait: others log in from this address too. */
export const MOST_REFUSED = 5;

interface Server {
  readonly backoff: Backoff;
  readonly refused: Map<string, IpamRefused>;
  notBefore: number;
  blockedUntil: number;
  failures: number;
  lastFailure: number;
}

/**
 * Eleven wrong passwords, and phpIPAM answers nobody from this address for five minutes, right passwords and valid tokens included. So
 * what was refused is not tried again soon, and a block is waited for. One guard for all pools of a process: they share the address.
 */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #servers = new Map<string, Server>();
  readonly #turns = new Map<string, Turns>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until this server can be spoken to again; 0 when at once. */
  blockedFor(server: string): number {
    return Math.max(0, (this.#servers.get(server)?.blockedUntil ?? 0) - this.#clock.now());
  }

  /** One login after the other: so each knows what became of the ones before, and many pools with one wrong password try it once. */
  logIn<T>(server: string, work: () => Promise<T>): Promise<T> {
    const turns = this.#turns.get(server) ?? new Turns(1);
    this.#turns.set(server, turns);
    return turns.take(work);
  }

  /** Why this login, with all that a message tells of it, must not be tried now; undefined when it was not refused a moment ago. */
  refusal(server: string, login: string): IpamRefused | undefined {
    const known = this.#servers.get(server);
    if (known === undefined || known.notBefore <= this.#clock.now()) return undefined;
    return known.refused.get(login);
  }

  /** Milliseconds until a login may be tried that was not refused; 0 when at once. */
  pauseBefore(server: string): number {
    const known = this.#servers.get(server);
    if (known === undefined || known.failures < MOST_REFUSED) return 0;
    return Math.max(0, known.lastFailure + FORGOTTEN_AFTER - this.#clock.now());
  }

  wrong(server: string, login: string, error: IpamRefused): void {
    const known = this.#server(server);
    const now = this.#clock.now();
    known.refused.set(login, error);
    known.notBefore = now + known.backoff.next();
    known.failures = now - known.lastFailure < FORGOTTEN_AFTER ? known.failures + 1 : 1;
    known.lastFailure = now;
  }

  blocked(server: string, milliseconds: number): void {
    this.#server(server).blockedUntil = this.#clock.now() + milliseconds;
  }

  /** A login that succeeds makes phpIPAM forget those that failed. */
  right(server: string): void {
    this.#servers.delete(server);
  }

  #server(server: string): Server {
    const known = this.#servers.get(server) ?? {
      backoff: new Backoff(FIRST_PAUSE, LONGEST_PAUSE),
      refused: new Map(),
      notBefore: 0,
      blockedUntil: 0,
      failures: 0,
      lastFailure: Number.NEGATIVE_INFINITY,
    };
    this.#servers.set(server, known);
    return known;
  }
}
