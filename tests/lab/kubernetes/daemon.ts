import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../host.ts';
import { type Result, Running } from '../process.ts';

const POLL_MS = 20;
const PATIENCE_MS = 120_000;
const LOG_TAIL = 3000;

/** A program that can be killed and started again with the same arguments, and logs to a file. It dies with the process that started it. */
export class Daemon {
  readonly name: string;
  readonly logFile: string;
  readonly #command: readonly string[];
  readonly #host: Host | undefined;
  #running: Running | undefined;

  /** @param host where it runs; the machine itself when undefined */
  constructor(name: string, command: readonly string[], logFile: string, host: Host | undefined) {
    this.name = name;
    this.logFile = logFile;
    this.#command = command;
    this.#host = host;
  }

  get isRunning(): boolean {
    return this.#running?.isRunning ?? false;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#running?.pid : undefined;
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  start(): void {
    if (this.isRunning) return;
    const words = ['sh', '-c', 'exec "$@" >>"$0" 2>&1', this.logFile, 'setpriv', '--pdeathsig', 'KILL', ...this.#command];
    const [first = '', ...rest] = words;
    this.#running = this.#host === undefined ? new Running(first, rest) : this.#host.spawn(first, ...rest);
    this.#running.finishInput();
  }

  /** Sends a signal and waits for the end. Nothing happens when it does not run. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Result | undefined> {
    this.#running?.kill(signal);
    return this.#running?.ended;
  }

  /** Waits until it serves. @throws Error with the end of its log when it ends or never does */
  async until(serves: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await serves().catch(() => false))) {
      if (!this.isRunning) throw new Error(`${this.name} ended:\n${this.log.slice(-LOG_TAIL)}`);
      if (performance.now() > deadline) throw new Error(`${this.name} does not serve:\n${this.log.slice(-LOG_TAIL)}`);
      await sleep(POLL_MS);
    }
  }
}
