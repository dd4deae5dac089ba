import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** `code` is the exit status, or 128 + the signal's number as in a shell. */
export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A command ended with another status than 0. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly result: Result;

  constructor(command: string, result: Result) {
    super(`${command}: exit status ${result.code}: ${(result.stderr || result.stdout).trim()}`);
    this.result = result;
  }
}

/** A child process whose output is kept. */
export class Running {
  readonly pid: number;
  /** Resolves when the process has ended and all its output has been read. Never rejects. */
  readonly ended: Promise<Result>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #failure: Error | undefined;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.pid = this.#child.pid ?? 0;
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#grow(text, ''));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#grow('', text));
    // Writing to a process that has already ended is reported by its exit status.
    this.#child.stdin?.on('error', () => {});
    this.ended = this.#end();
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return this.#failure === undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Writes a line to standard input. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Closes standard input, after writing `text` to it. */
  finishInput(text = ''): void {
    this.#child.stdin?.end(text);
  }

  /** Sends a signal; nothing happens when the process has ended. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Resolves once the output (of both streams) matches. @throws CommandFailed when the process ends first. */
  async printed(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stdout) && !pattern.test(this.#stderr)) {
      if (!this.isRunning) throw new CommandFailed(this.#child.spawnargs.join(' '), await this.ended);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  #grow(stdout: string, stderr: string): void {
    this.#stdout += stdout;
    this.#stderr += stderr;
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  #end(): Promise<Result> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#failure = error;
        this.#notify();
        resolve({ stdout: '', stderr: error.message, code: 127 });
      });
      this.#child.once('close', (code, signal) => {
        this.#notify();
        resolve({ stdout: this.#stdout, stderr: this.#stderr, code: code ?? 128 + signalNumber(signal) });
      });
    });
  }
}

/** Runs a command to its end. @throws CommandFailed */
export async function runChecked(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = new Running(command, args);
  child.finishInput(input);
  const result = await child.ended;
  if (result.code !== 0) throw new CommandFailed(`${command} ${args.join(' ')}`, result);
  return result.stdout;
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
