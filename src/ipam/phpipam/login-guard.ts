import { Backoff, type Clock } from '../../runtime/clock.ts';
import { Turns } from '../../runtime/turns.ts';
import type { IpamRefused } from '../provider.ts';

/** Milliseconds between tries with a password that was wrong. */
const FIRST_PAUSE = 60_000;
/** After five minutes without a failure phpIPAM has forgotten all of them. */
const LONGEST_PAUSE = 10 * 60_000;

interface Server {
  readonly backoff: Backoff;
  readonly refused: Map<string, IpamRefused>;
  notBefore: number;
  blockedUntil: number;
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

  /** Why these credentials must not be tried now; undefined when they may. Others than those that were refused may at once. */
  refusal(server: string, credentials: string): IpamRefused | undefined {
    const known = this.#servers.get(server);
    if (known === undefined || known.notBefore <= this.#clock.now()) return undefined;
    return known.refused.get(credentials);
  }

  wrong(server: string, credentials: string, error: IpamRefused): void {
    const known = this.#server(server);
    known.refused.set(credentials, error);
    known.notBefore = this.#clock.now() + known.backoff.next();
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
    };
    this.#servers.set(server, known);
    return known;
  }
}
