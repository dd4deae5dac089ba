import { rename } from 'node:fs/promises';
import { parseDocument } from '../api/parse.ts';
import { FileFailed, readIfExists, writeAtomic } from '../runtime/atomic-file.ts';
import { EMPTY_MEMORY, type InForce, type KnownFile, type Memory } from './memory.ts';
import { isUsable, keyOfRaw, type Usable } from './usable.ts';

/** The text of a last-good file, version 1: the wire objects in force, by the file that they came from. */
interface LastGoodFile {
  readonly version: 1;
  readonly asOf?: string;
  readonly files: readonly {
    readonly path: string;
    readonly readAt: string;
    readonly unrecognised: number;
    readonly documents: readonly { readonly line: number; readonly object: unknown }[];
  }[];
}

/** `readAt` of a file that was never readable as a whole: some of its documents are in force, and nobody knows what the others were. */
const NEVER = '';

export interface LastGoodOptions {
  readonly warn: (text: string) => void;
  /** Hears that they could not be written; when absent, `warn` does. */
  readonly notKept?: (text: string) => void;
  readonly readOnly: boolean;
}

/** What keeps the last good resources over a restart. Every failure is one warning; work goes on without. */
export class LastGoodStore {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  readonly #notKept: (text: string) => void;
  readonly #readOnly: boolean;
  #warned = false;

  constructor(path: string, options: LastGoodOptions) {
    this.#path = path;
    this.#warn = options.warn;
    this.#notKept = options.notKept ?? options.warn;
    this.#readOnly = options.readOnly;
  }

  /** A file that is not understood is set aside as `<path>.corrupt`, unless this store is read only. */
  async load(): Promise<Memory> {
    try {
      const text = await readIfExists(this.#path);
      return text === undefined ? EMPTY_MEMORY : decodeLastGood(text);
    } catch (error) {
      await this.#giveUp(error);
      return EMPTY_MEMORY;
    }
  }

  /** Answers whether it is stored. */
  async save(memory: Memory): Promise<boolean> {
    if (this.#readOnly) return true;
    try {
      await writeAtomic(this.#path, encodeLastGood(memory));
      this.#warned = false;
      return true;
    } catch (error) {
      if (!this.#warned) this.#notKept(`the last good resources cannot be kept for a restart: ${wordsOf(error)}`);
      this.#warned = true;
      return false;
    }
  }

  async #giveUp(error: unknown): Promise<void> {
    if (error instanceof FileFailed) {
      this.#warn(`the last good resources are not known: ${error.message}`);
      return;
    }
    this.#warn(`the last good resources are not known: ${this.#path} is damaged (${wordsOf(error)}); ${await this.#setAside()}`);
  }

  async #setAside(): Promise<string> {
    if (this.#readOnly) return 'an agent will set it aside';
    const aside = `${this.#path}.corrupt`;
    return rename(this.#path, aside).then(
      () => `it is kept as ${aside}`,
      () => 'it will be written anew',
    );
  }
}

export function encodeLastGood(memory: Memory): string {
  const documents = new Map<string, { readonly line: number; readonly object: unknown }[]>();
  for (const path of memory.files.keys()) documents.set(path, []);
  for (const { path, line, raw } of memory.objects.values()) {
    const ofFile = documents.get(path);
    if (ofFile === undefined) documents.set(path, [{ line, object: raw }]);
    else ofFile.push({ line, object: raw });
  }
  const files = [...documents].map(([path, inFile]) => {
    const { readAt, unrecognised } = memory.files.get(path) ?? { readAt: NEVER, unrecognised: 0 };
    return { path, readAt, unrecognised, documents: inFile };
  });
  const content: LastGoodFile = { version: 1, ...(memory.asOf === undefined ? {} : { asOf: memory.asOf }), files };
  return `${JSON.stringify(content)}\n`;
}

/**
 * The memory that a start begins with. Objects are validated when they are needed: usually the folder has them all.
 * @throws Error when the text is not of this format.
 */
export function decodeLastGood(text: string): Memory {
  const content: unknown = JSON.parse(text);
  if (!isLastGoodFile(content)) throw new Error('it is not a last-good file of version 1');
  const objects = new Map<string, InForce>();
  const files = new Map<string, KnownFile>();
  for (const { path, readAt, unrecognised, documents } of content.files) {
    if (readAt !== NEVER) files.set(path, { readAt, unrecognised });
    for (const { line, object } of documents) {
      const key = keyOfRaw(object);
      if (key !== undefined)
        objects.set(key, { path, line, raw: object, resource: lazily(object, line === 0 ? undefined : `${path}:${line}`) });
    }
  }
  return { complete: false, objects, files, ...(content.asOf === undefined ? {} : { asOf: content.asOf }) };
}

function lazily(raw: unknown, source: string | undefined): () => Usable | undefined {
  let parsed: { readonly value: Usable | undefined } | undefined;
  return () => {
    if (parsed === undefined) {
      const document = parseDocument(raw, source);
      parsed = { value: isUsable(document) ? document : undefined };
    }
    return parsed.value;
  };
}

function isLastGoodFile(value: unknown): value is LastGoodFile {
  if (!isRecord(value) || value['version'] !== 1 || !Array.isArray(value['files'])) return false;
  if (value['asOf'] !== undefined && typeof value['asOf'] !== 'string') return false;
  return value['files'].every(
    (file: unknown) =>
      isRecord(file) &&
      typeof file['path'] === 'string' &&
      typeof file['readAt'] === 'string' &&
      typeof file['unrecognised'] === 'number' &&
      Array.isArray(file['documents']) &&
      file['documents'].every((document: unknown) => isRecord(document) && typeof document['line'] === 'number'),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
