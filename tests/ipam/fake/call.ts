import type { FakeApp, FakeDatabase, Version } from './database.ts';
import type { FakeRequest } from './wire.ts';

/** A request as phpIPAM's controllers see it. */
export interface Call {
  readonly request: FakeRequest;
  readonly method: string;
  readonly appId: string;
  readonly app: FakeApp;
  readonly controller: string;
  /** Up to three parts of the path after the controller. */
  readonly id: string | undefined;
  readonly id2: string | undefined;
  readonly id3: string | undefined;
  /** Of the body. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly query: URLSearchParams;
  readonly database: FakeDatabase;
  readonly version: Version;
  /** Between looking and writing: where another process may come in. */
  readonly pause: () => Promise<void>;
  /** Rows from which on PHP has no memory for a list. */
  readonly listLimit: number;
}

/** What MySQL makes of a text where it wants a number. */
export function cast(text: string | undefined): number {
  return Number.parseInt(text ?? '', 10) || 0;
}

export function isNumeric(text: unknown): boolean {
  return typeof text === 'number' || (typeof text === 'string' && /^\d+$/.test(text));
}

/** `filter_by` and `filter_value` of a list, compared as PHP does. */
export function looselyEqual(a: unknown, b: string): boolean {
  const text = String(a ?? '');
  const numeric = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
  return numeric.test(text) && numeric.test(b) ? Number(text) === Number(b) : text === b;
}

/** The collation utf8mb4_unicode_ci. */
export function collated(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().trimEnd();
}
