/** What an ELF file needs at run time, and the same file without what only a debugger needs. 64 bit, little endian: see elf(5). */
const MACHINES = new Map([
  [62, 'amd64'],
  [183, 'arm64'],
]);
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const SHF_ALLOC = 2;
const SECTION = 64;

export interface Needs {
  readonly machine: string;
  /** Path of the dynamic loader; absent in libraries. */
  readonly interpreter: string | undefined;
  /** Names of shared libraries. */
  readonly libraries: readonly string[];
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

export const isElf = (data: Uint8Array): boolean => Buffer.from(data.buffer, data.byteOffset, 4).equals(Buffer.from('\x7fELF'));

/** @throws Error when the file is of another machine than amd64 and arm64 */
export function needsOf(path: string, data: Uint8Array): Needs {
  const view = bytesOf(data);
  const machine = MACHINES.get(view.readUInt16LE(18));
  if (machine === undefined || view[4] !== 2 || view[5] !== 1) throw new Error(`${path} is no 64-bit program for amd64 or arm64`);
  const segments = segmentsOf(view);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  return {
    machine,
    interpreter: interpreter && view.toString('latin1', interpreter.offset, interpreter.offset + interpreter.size - 1),
    libraries: librariesOf(path, view, segments),
  };
}

function librariesOf(path: string, view: Buffer, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const tags: { readonly tag: number; readonly value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    tags.push({ tag: Number(view.readBigUInt64LE(at)), value: Number(view.readBigUInt64LE(at + 8)) });
  }
  const address = tags.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const home = segments.find(({ type, address: start, size }) => type === PT_LOAD && start <= address && address < start + size);
  if (home === undefined) throw new Error(`${path}: its table of names is in no segment`);
  const strings = address - home.address + home.offset;
  return tags
    .filter(({ tag }) => tag === DT_NEEDED)
    .map(({ value }) => view.toString('latin1', strings + value, view.indexOf(0, strings + value)));
}

/**
 * The file without symbols and debug information: cut after the last byte that is loaded, and the section headers of that part written
 * anew. An own function, since the result must not depend on the binutils of the machine, nor on its architecture.
 */
export function strip(path: string, data: Uint8Array): Buffer {
  const view = bytesOf(data);
  const end = Math.max(...segmentsOf(view).map(({ offset, size }) => offset + size));
  const at = Number(view.readBigUInt64LE(40));
  const headers = Array.from({ length: view.readUInt16LE(60) }, (_, i) => view.subarray(at + i * SECTION, at + (i + 1) * SECTION));
  const kept = headers.findIndex((header, i) => i > 0 && (header.readUInt32LE(8) & SHF_ALLOC) === 0);
  if (kept < 0) return view;
  if (headers.slice(kept).some((header) => header.readUInt32LE(8) & SHF_ALLOC)) {
    throw new Error(`${path}: sections that are loaded come after others, which strip() cannot handle`);
  }
  const oldNames = headers[view.readUInt16LE(62)];
  if (oldNames === undefined) throw new Error(`${path} has no section names`);
  const nameAt = Number(oldNames.readBigUInt64LE(24));
  const name = (header: Buffer) =>
    view.toString('latin1', nameAt + header.readUInt32LE(0), view.indexOf(0, nameAt + header.readUInt32LE(0)));
  return assemble(
    view.subarray(0, end),
    headers.slice(0, kept).map((header) => ({ header, name: name(header) })),
  );
}

interface Section {
  readonly header: Buffer;
  readonly name: string;
}

/** The loaded part, a new table of section names, then the section headers. */
function assemble(loaded: Buffer, sections: readonly Section[]): Buffer {
  const names = Buffer.from(`${[...sections.map(({ name }) => name), '.shstrtab'].join('\0')}\0`, 'latin1');
  const table = Buffer.alloc((sections.length + 1) * SECTION);
  let nameOffset = 0;
  for (const [i, { header, name }] of sections.entries()) {
    header.copy(table, i * SECTION);
    table.writeUInt32LE(nameOffset, i * SECTION);
    nameOffset += name.length + 1;
  }
  const last = sections.length * SECTION;
  table.writeUInt32LE(nameOffset, last);
  table.writeUInt32LE(3, last + 4); // SHT_STRTAB
  table.writeBigUInt64LE(BigInt(loaded.length), last + 24);
  table.writeBigUInt64LE(BigInt(names.length), last + 32);
  table.writeBigUInt64LE(1n, last + 48);
  const padding = Buffer.alloc((8 - ((loaded.length + names.length) % 8)) % 8);
  const result = Buffer.concat([loaded, names, padding, table]);
  result.writeBigUInt64LE(BigInt(loaded.length + names.length + padding.length), 40); // e_shoff
  result.writeUInt16LE(sections.length + 1, 60); // e_shnum
  result.writeUInt16LE(sections.length, 62); // e_shstrndx
  return result;
}

function segmentsOf(view: Buffer): readonly Segment[] {
  const start = Number(view.readBigUInt64LE(32));
  return Array.from({ length: view.readUInt16LE(56) }, (_, i) => start + i * view.readUInt16LE(54)).map((at) => ({
    type: view.readUInt32LE(at),
    offset: Number(view.readBigUInt64LE(at + 8)),
    address: Number(view.readBigUInt64LE(at + 16)),
    size: Number(view.readBigUInt64LE(at + 32)),
  }));
}

const bytesOf = (data: Uint8Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
