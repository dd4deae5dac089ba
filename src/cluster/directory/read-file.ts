import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf } from '../../runtime/atomic-file.ts';
import { type BrokenDocument, type RawDocument, Unreadable } from './document.ts';
import { readJson } from './json-documents.ts';
import { PERMIT } from './messages.ts';
import { readYaml } from './yaml-documents.ts';
import { type Piece, piecesOf } from './yaml-pieces.ts';

const MIB = 1024 * 1024;

/**
 * The largest manifests that are read. Kubernetes refuses an object of more than about 1.5 MiB, so larger files hold many objects.
 * YAML takes about 1.5 s per MiB to parse (JSON 10 ms), and one single document of that size is parsed in one go.
 */
export const SIZE_LIMITS: Readonly<Record<Format, number>> = { json: 8 * MIB, yaml: 4 * MIB };

type Format = 'json' | 'yaml';

/** Far above any manifest, far below what exhausts the stack of those who walk the value. */
const MAX_DEPTH = 100;

/** By the extension, in capitals or not. */
export function formatOf(path: string): Format | undefined {
  const [, extension] = /\.(json|ya?ml)$/i.exec(path) ?? [];
  if (extension === undefined) return undefined;
  return extension.toLowerCase() === 'json' ? 'json' : 'yaml';
}

/**
 * Reads one manifest. Undefined: there is no such file (any more).
 * @throws Unreadable when it cannot be opened, is not text, is too large, or is not valid JSON or YAML.
 */
export async function readManifest(path: string): Promise<readonly Decoded[] | undefined> {
  const format = formatOf(path) ?? 'yaml';
  const bytes = await readBytes(path, SIZE_LIMITS[format]);
  if (bytes === undefined) return undefined;
  // What a full disk or a crash leaves behind. Whoever means it deletes the file, or leaves a comment in it.
  if (bytes.length === 0) throw new Unreadable('has no content, not even a comment: write it again, or delete it');
  return decode(bytes, format);
}

async function readBytes(path: string, limit: number): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK the opening of a named pipe waits for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Unreadable('is not a regular file: put a file with manifests in its place, or delete it');
    if (stat.size > limit) throw tooLarge(stat.size, limit);
    const bytes = await file.readFile();
    if (bytes.length > limit) throw tooLarge(bytes.length, limit);
    return bytes;
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw cannotOpen(error);
  } finally {
    await file?.close();
  }
}

export type Decoded = RawDocument | BrokenDocument;

/** Exported for tests. @throws Unreadable when nothing of it can be understood */
export async function decode(bytes: Buffer, format: Format): Promise<readonly Decoded[]> {
  if (bytes.includes(0)) throw new Unreadable('holds NUL bytes, so it is not text: save it as UTF-8 text');
  if (!isUtf8(bytes)) throw new Unreadable('is not valid UTF-8: save it as UTF-8 text');
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return format === 'json' ? shallow(readJson(text)) : await decodeYaml(text);
  } catch (error) {
    // Thousands of open brackets exhaust the stack of the YAML parser.
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

/** All documents, or, when some are broken, each on its own. @throws Unreadable when none is good, or they cannot be told apart */
async function decodeYaml(text: string): Promise<readonly Decoded[]> {
  try {
    return shallow(await readYaml(text));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const decoded: Decoded[] = [];
    for (const piece of piecesOf(text)) decoded.push(...(await decodePiece(piece)));
    if (decoded.every((document) => 'fault' in document)) throw error;
    return decoded;
  }
}

async function decodePiece({ text, line }: Piece): Promise<readonly Decoded[]> {
  try {
    return shallow(await readYaml(text, line));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return [{ line: error.line ?? line, fault: error.message }];
  }
}

/** @throws Unreadable */
function shallow(documents: readonly RawDocument[]): readonly RawDocument[] {
  for (const { value, line } of documents) if (isDeeper(value, MAX_DEPTH)) throw tooDeep(line);
  return documents;
}

/** True, too, for a value that contains itself. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) if (isDeeper(inner, levels - 1)) return true;
  return false;
}

function tooDeep(line?: number): Unreadable {
  return new Unreadable(`is nested more than ${MAX_DEPTH} levels deep: no manifest is; correct it`, line);
}

function tooLarge(size: number, limit: number): Unreadable {
  return new Unreadable(`is ${mebibytes(size)} MiB large, and at most ${mebibytes(limit)} MiB are read: split it into several files`);
}

function mebibytes(bytes: number): string {
  return (Math.ceil((bytes / MIB) * 10) / 10).toString();
}

export function cannotOpen(error: unknown): Unreadable {
  const code = errnoOf(error);
  if (code === 'EACCES' || code === 'EPERM') return new Unreadable(`cannot be read (${code}: permission denied): ${PERMIT}`);
  if (code === 'ELOOP') return new Unreadable('cannot be read (ELOOP: symbolic links that point at each other): correct the links');
  const words = error instanceof Error ? error.message : String(error);
  return new Unreadable(`cannot be read (${words}): make it readable, or delete it`);
}
