import type { Scan } from './scan.ts';

/** Keeps track of whether a folder has been left alone, and whether it is still the same folder. */
export class Calm {
  readonly #quiet: number;
  #disturbances = 0;
  #lastChange: number | undefined;
  #identity: string | undefined;
  #fingerprint: string | undefined;

  /** `quiet`: milliseconds without any change. */
  constructor(quiet: number) {
    this.#quiet = quiet;
  }

  get disturbances(): number {
    return this.#disturbances;
  }

  /** Something happened in the folder. */
  disturb(): void {
    this.#disturbances++;
    this.#lastChange = performance.now();
  }

  /** Milliseconds until the folder will have been quiet. */
  remaining(): number {
    return Math.max(1, (this.#lastChange ?? 0) + this.#quiet - performance.now());
  }

  /** Takes in a scan that began at `begun` (performance.now), when there had been so many disturbances. */
  judge(scan: Scan, begun: number, disturbances: number): { readonly quiet: boolean; readonly returned: boolean } {
    const fingerprint = JSON.stringify(scan);
    if (this.#fingerprint === undefined) this.#lastChange ??= ageOf(scan);
    else if (this.#fingerprint !== fingerprint) this.#lastChange = Math.max(this.#lastChange ?? 0, begun);
    this.#fingerprint = fingerprint;
    const undisturbed = disturbances === this.#disturbances;
    return { quiet: undisturbed && begun - (this.#lastChange ?? 0) >= this.#quiet, returned: this.#isAnother(scan) };
  }

  #isAnother(scan: Scan): boolean {
    if (scan.type === 'missing' || scan.identity === undefined) return false;
    const before = this.#identity;
    this.#identity = scan.identity;
    return before !== undefined && before !== scan.identity;
  }
}

/** When the folder changed before we came, on the scale of performance.now. */
function ageOf(scan: Scan): number {
  return scan.type === 'missing' ? 0 : performance.now() - Math.max(0, Date.now() - scan.newest);
}
