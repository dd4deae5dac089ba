import type { ParsedDocument } from '../../api/parse.ts';

/** One document as the decoder saw it. `line` counts from 1. */
export interface RawDocument {
  readonly line: number;
  readonly value: unknown;
}

/** One document that could not be understood, in a file whose other documents could. `fault` states the fact and the fix. */
export interface BrokenDocument {
  readonly line: number;
  readonly fault: string;
}

/** One object of a file, with what the api layer says about it. Items of a List share the line of the list. */
export interface Document {
  readonly line: number;
  readonly raw: unknown;
  readonly parsed: ParsedDocument;
}

/** What a file was found to hold. `readAt` is ISO 8601. */
export type Reading =
  | {
      readonly type: 'documents';
      readonly documents: readonly Document[];
      /** Absent when there is none. */
      readonly broken?: readonly BrokenDocument[];
      readonly readAt: string;
    }
  | { readonly type: 'unreadable'; readonly message: string; readonly line?: number };

/** A file whose text cannot be understood. The message states the fact and the fix. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}
