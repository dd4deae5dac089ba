const INTERVAL_MS = 10_000;

/** Says on standard error what is being done, and every ten seconds how far it is. */
export class Progress implements Disposable {
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #what: string;
  #steps = 0;

  constructor(what: string) {
    this.#what = what;
    process.stderr.write(`==> ${what}\n`);
    this.#timer = setInterval(() => process.stderr.write(`    ${this.#steps} packages, ${this.#seconds()} s\n`), INTERVAL_MS);
  }

  count(steps: number): void {
    this.#steps += steps;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stderr.write(`    ${this.#what.split(' ').slice(0, 3).join(' ')}: ${this.#seconds()} s\n`);
  }

  #seconds(): number {
    return Math.round((performance.now() - this.#start) / 1000);
  }
}
