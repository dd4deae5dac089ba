import { readFile } from 'node:fs/promises';
import type { Clock } from '../../runtime/clock.ts';
import { NoAnswer } from './connection-errors.ts';

/** The kubelet renews a projected token when a fifth of its life is left, which is minutes. */
const FRESH_MILLISECONDS = 60_000;

/** A value written in the configuration, or the path of a file that holds it. */
export type Source = { readonly text: string } | { readonly file: string };

/** What a source says now. Files are replaced while we run: tokens, certificates. */
export class Rotating {
  readonly #source: Source;
  readonly #clock: Clock;
  #text: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(source: Source, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** At most a minute old. @throws NoAnswer when the file could never be read */
  async current(): Promise<string> {
    if (this.#text !== undefined && this.#clock.now() - this.#readAt < FRESH_MILLISECONDS) return this.#text;
    return this.fresh();
  }

  /** Read again now; what it held before when it cannot be read. @throws NoAnswer when it could never be read */
  async fresh(): Promise<string> {
    if ('text' in this.#source) return this.#source.text;
    this.#readAt = this.#clock.now();
    try {
      const text = (await readFile(this.#source.file, 'utf8')).trim();
      if (text === '') throw new Error('it is empty');
      this.#text = text;
    } catch (error) {
      if (this.#text !== undefined) return this.#text;
      const words = error instanceof Error ? error.message : String(error);
      throw new NoAnswer('Unreachable', `the file ${this.#source.file} cannot be read (${words}): put it there`, { cause: error });
    }
    return this.#text;
  }
}
