import type { Log } from '../runtime/log.ts';
import { EXIT } from './command.ts';

/** A round with 100k routes takes about a second; a service manager kills after 30 s (Kubernetes) or 90 s (systemd). */
const PATIENCE_MS = 10_000;

/** How this process ends, so that a test can see it and live on. */
export interface Exits {
  readonly exit: (status: number) => void;
  /** Also when a thread hangs in the kernel, for which `exit` would wait. */
  readonly die: () => void;
}

/** What a role says when it ends. */
export interface Farewell {
  /** What becomes of its work: `the kernel stays as it is`. */
  readonly ending: string;
  /** What could not be done in time. */
  readonly undone: string;
  /** What comes of that, and the fix. */
  readonly fix: string;
}

/** SIGTERM and SIGINT. The first ends what is running in order, or at once when nothing is; a second one, or patience, ends it anyway. */
export class Signals {
  readonly #log: Log;
  readonly #farewell: Farewell;
  readonly #exits: Exits;
  readonly #patience: number;
  #end: () => void;
  #ending = false;

  /** `patience`: milliseconds that an orderly end may take. */
  constructor(log: Log, farewell: Farewell, exits: Exits = OF_THIS_PROCESS, patience: number = PATIENCE_MS) {
    this.#log = log;
    this.#farewell = farewell;
    this.#exits = exits;
    this.#patience = patience;
    this.#end = () => exits.exit(EXIT.ok);
  }

  listen(): this {
    const heard = (signal: NodeJS.Signals): void => this.hear(signal);
    process.on('SIGTERM', heard).on('SIGINT', heard);
    return this;
  }

  /** What the first signal ends. */
  onFirst(end: () => void): void {
    this.#end = end;
    if (this.#ending) end();
  }

  hear(signal: NodeJS.Signals): void {
    if (this.#ending) {
      this.#exits.die();
      return;
    }
    this.#ending = true;
    this.#log.info(`${signal}: ending; ${this.#farewell.ending}`);
    setTimeout(() => this.#giveUp(), this.#patience).unref();
    this.#end();
  }

  /** A disk, a share or an API server that does not answer holds up the end for as long as it likes. */
  #giveUp(): void {
    const { undone, fix } = this.#farewell;
    this.#log.error(`${undone} within ${this.#patience / 1000} s: ${fix}`);
    this.#exits.die();
  }
}

/** `process.exit` waits for threads that hang in the kernel; a signal that nobody handles does not. Process 1 ignores it, and exits. */
const OF_THIS_PROCESS: Exits = {
  exit: (status) => process.exit(status),
  die() {
    process.removeAllListeners('SIGTERM');
    process.kill(process.pid, 'SIGTERM');
    process.exit(EXIT.failed);
  },
};
