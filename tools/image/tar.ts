/**
 * Tar archives, read and written in memory. What is written depends on the entries alone: sorted by path, owner 0:0, time 0.
 * Format: POSIX.1-1988 ustar, as the OCI image layer specification asks for; no path in an image needs more than its 255 bytes.
 */
const BLOCK = 512;

/** A path is relative, without `./` or a slash at the end. */
export type Entry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

export const file = (path: string, data: Uint8Array | string, mode = 0o644): Entry => ({
  kind: 'file',
  path,
  mode,
  data: typeof data === 'string' ? Buffer.from(data) : data,
});
export const folder = (path: string, mode = 0o755): Entry => ({ kind: 'folder', path, mode });
export const link = (path: string, target: string): Entry => ({ kind: 'link', path, target });

/** The archive of these entries and of the folders above them. @throws Error when two entries have one path */
export function writeTar(entries: readonly Entry[]): Buffer {
  const sorted = [...withParents(entries).values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return Buffer.concat([...sorted.flatMap(blocks), Buffer.alloc(2 * BLOCK)]);
}

function withParents(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    if (all.has(entry.path)) throw new Error(`two entries of the archive are named ${entry.path}`);
    all.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const parent = path.slice(0, at);
      if (!all.has(parent)) all.set(parent, folder(parent));
    }
  }
  return all;
}

function blocks(entry: Entry): Uint8Array[] {
  if (entry.kind !== 'file') return [header(entry, 0)];
  const padding = Buffer.alloc((BLOCK - (entry.data.length % BLOCK)) % BLOCK);
  return [header(entry, entry.data.length), entry.data, padding];
}

const TYPE = { file: '0', link: '2', folder: '5' } as const;

function header(entry: Entry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const [prefix, name] = splitPath(entry.kind === 'folder' ? `${entry.path}/` : entry.path);
  const put = (text: string, offset: number, room: number) => {
    if (Buffer.byteLength(text) > room) throw new Error(`${entry.path}: "${text}" does not fit into a tar header`);
    block.write(text, offset);
  };
  const octal = (value: number, offset: number, room: number) => put(`${value.toString(8).padStart(room - 1, '0')}\0`, offset, room);
  put(name, 0, 100);
  octal(entry.kind === 'link' ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  put(TYPE[entry.kind], 156, 1);
  if (entry.kind === 'link') put(entry.target, 157, 100);
  put('ustar\x0000', 257, 8);
  put(prefix, 345, 155);
  // the checksum is that of the header with blanks in its place
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}

/** The two name fields of a header: a path over 100 bytes is cut at a slash. */
function splitPath(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  const at = path.indexOf('/', path.length - 101);
  return at < 0 ? ['', path] : [path.slice(0, at), path.slice(at + 1)];
}

/** Files, folders and links of an archive; hard links become the file that they name. @throws Error for anything else */
export function readTar(archive: Buffer): Entry[] {
  const entries: Entry[] = [];
  let longPath: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const block = archive.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(block, 124, 12).trim() || '0', 8);
    const data = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = text(block, 156, 1);
    if (type === 'L') longPath = text(data, 0, size);
    else if (type === 'x') longPath = /^\d+ path=(.*)$/m.exec(data.toString())?.[1] ?? longPath;
    else if (type !== 'g') {
      const path = clean(longPath ?? [text(block, 345, 155), text(block, 0, 100)].filter((part) => part !== '').join('/'));
      if (path !== '') entries.push(entryOf(type, path, block, data, entries));
      longPath = undefined;
    }
  }
  return entries;
}

function entryOf(type: string, path: string, block: Buffer, data: Buffer, before: readonly Entry[]): Entry {
  const mode = Number.parseInt(text(block, 100, 8), 8) & 0o7777;
  const target = text(block, 157, 100);
  if (type === '0' || type === '') return file(path, data, mode);
  if (type === '2') return link(path, target);
  if (type === '5') return folder(path, mode);
  const original = before.find((entry) => entry.path === clean(target));
  if (type === '1' && original?.kind === 'file') return { ...original, path };
  throw new Error(`the archive has an entry of an unknown kind: ${path} (type ${type})`);
}

const clean = (path: string): string =>
  path
    .replace(/^(\.?\/)+/, '')
    .replace(/^\.$/, '')
    .replace(/\/$/, '');

function text(block: Uint8Array, offset: number, room: number): string {
  const field = Buffer.from(block.buffer, block.byteOffset + offset, room);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? room : end);
}
