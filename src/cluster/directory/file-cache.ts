import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flattenLists, parseDocument } from '../../api/parse.ts';
import { type Document, type Reading, Unreadable } from './document.ts';
import type { FileView } from './merge.ts';
import { type Decoded, readManifest } from './read-file.ts';
import type { FoundFile } from './scan.ts';

const AT_ONCE = 16;

/** Time stamps have the grain of the kernel's tick (1 to 10 ms), so a file that is younger than this may change without showing it. */
const YOUNG_MILLISECONDS = 100;

/** The readings of the manifests below one folder. A file is read again only when it may have changed. */
export class FileCache {
  readonly #root: string;
  readonly #files = new Map<string, Cached>();

  constructor(root: string) {
    this.#root = root;
  }

  /** In the order of `files`; those that are gone by now are left out. What stayed the same keeps its identity. */
  async read(files: readonly FoundFile[]): Promise<readonly FileView[]> {
    const listed = new Set(files.map(({ path }) => path));
    for (const path of this.#files.keys()) if (!listed.has(path)) this.#files.delete(path);
    for (let i = 0; i < files.length; i += AT_ONCE) {
      await Promise.all(files.slice(i, i + AT_ONCE).map((file) => this.#refresh(file)));
    }
    return files.flatMap(({ path }) => {
      const cached = this.#files.get(path);
      return cached === undefined ? [] : [{ path, reading: cached.reading }];
    });
  }

  async #refresh({ path, identity, changed }: FoundFile): Promise<void> {
    const before = this.#files.get(path);
    if (before?.settled && before.identity === identity) return;
    const settled = Math.abs(Date.now() - changed) > YOUNG_MILLISECONDS;
    const reading = await this.#readFile(path, before?.reading);
    if (reading === undefined) this.#files.delete(path);
    else this.#files.set(path, { identity, settled, reading });
  }

  async #readFile(path: string, before: Reading | undefined): Promise<Reading | undefined> {
    const readAt = new Date().toISOString();
    try {
      const raw = await readManifest(join(this.#root, path));
      return raw === undefined ? undefined : toReading(path, raw, readAt, before);
    } catch (error) {
      if (error instanceof Unreadable) return { type: 'unreadable', message: error.message, ...(error.line && { line: error.line }) };
      // Whatever a parser makes of strange input must cost this one file only.
      const words = error instanceof Error ? error.message : String(error);
      return { type: 'unreadable', message: `cannot be understood (${words}): correct it` };
    }
  }
}

interface Cached {
  readonly identity: string;
  readonly settled: boolean;
  readonly reading: Reading;
}

function toReading(path: string, decoded: readonly Decoded[], readAt: string, before: Reading | undefined): Reading {
  const old = before?.type === 'documents' ? before.documents : [];
  const raw = decoded.filter((document) => 'value' in document);
  const broken = decoded.filter((document) => 'fault' in document);
  const objects = raw.flatMap(({ line, value }) => flattenLists(value).map((item) => ({ line, value: item })));
  const documents = objects.map(({ line, value }, index): Document => {
    const same = old[index];
    if (same?.line === line && isDeepStrictEqual(same.raw, value)) return same;
    return { line, raw: value, parsed: parseDocument(value, `${path}:${line}`) };
  });
  const next: Reading = { type: 'documents', documents, ...(broken.length > 0 && { broken }), readAt };
  return before?.type === 'documents' && isSame(before, next) ? before : next;
}

/** When it was read makes no difference. Documents are compared by identity. */
function isSame(a: Extract<Reading, { type: 'documents' }>, b: Extract<Reading, { type: 'documents' }>): boolean {
  const sameDocuments = a.documents.length === b.documents.length && a.documents.every((document, i) => document === b.documents[i]);
  return sameDocuments && isDeepStrictEqual(a.broken, b.broken);
}
