import { Address, type Family } from '../../../core/ip/address.ts';
import { AF_INET, AF_INET6, NLA_TYPE_MASK, NLMSG_HEADER } from './constants.ts';

/** Steps through the messages of one received datagram. Allocates nothing; a malformed rest is not read. */
export class MessageReader {
  readonly view: DataView;
  readonly words: Int32Array;
  type = 0;
  flags = 0;
  seq = 0;
  /** Port id of the sender, 0 for the kernel itself; of a process's first socket it is its pid. */
  sender = 0;
  /** Where the payload begins and ends. */
  start = 0;
  end = 0;
  #next = 0;
  #size = 0;

  constructor(buffer: Uint8Array) {
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.words = new Int32Array(buffer.buffer, buffer.byteOffset, buffer.byteLength >> 2);
  }

  /** Begins a datagram of `size` bytes. */
  reset(size: number): void {
    this.#next = 0;
    this.#size = Math.min(size, this.view.byteLength);
  }

  next(): boolean {
    const at = this.#next;
    if (at + NLMSG_HEADER > this.#size) return false;
    const length = this.view.getUint32(at, true);
    if (length < NLMSG_HEADER || at + length > this.#size) return false;
    this.type = this.view.getUint16(at + 4, true);
    this.flags = this.view.getUint16(at + 6, true);
    this.seq = this.view.getUint32(at + 8, true);
    this.sender = this.view.getUint32(at + 12, true);
    this.start = at + NLMSG_HEADER;
    this.end = at + length;
    this.#next = at + ((length + 3) & ~3);
    return true;
  }

  /** Whether the payload has at least this many bytes. */
  holds(size: number): boolean {
    return this.end - this.start >= size;
  }
}

/** Attribute types that we read are all below this. */
const TYPES = 64;
const EMPTY = new DataView(new ArrayBuffer(0));

/** The attributes of one message or of one nested attribute, found by type. Made once, parsed into many times. */
export class Attributes {
  readonly #at = new Int32Array(TYPES);
  readonly #length = new Int32Array(TYPES);
  #view: DataView = EMPTY;

  /** A malformed rest is not read. Of several attributes of one type the last counts. */
  parse(view: DataView, from: number, to: number): void {
    this.#view = view;
    this.#at.fill(-1);
    for (let at = from; at + 4 <= to; ) {
      const length = view.getUint16(at, true);
      if (length < 4 || at + length > to) return;
      const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
      if (type < TYPES) {
        this.#at[type] = at + 4;
        this.#length[type] = length - 4;
      }
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.at(type) >= 0;
  }

  /** Offset of the value, -1 when there is none. */
  at(type: number): number {
    return this.#at[type] ?? -1;
  }

  length(type: number): number {
    return this.has(type) ? (this.#length[type] ?? 0) : 0;
  }

  /** undefined when absent or too short. */
  u32(type: number): number | undefined {
    return this.length(type) >= 4 ? this.#view.getUint32(this.at(type), true) : undefined;
  }

  i32(type: number): number | undefined {
    return this.length(type) >= 4 ? this.#view.getInt32(this.at(type), true) : undefined;
  }

  u8(type: number): number | undefined {
    return this.length(type) >= 1 ? this.#view.getUint8(this.at(type)) : undefined;
  }

  /** A zero-terminated string. */
  text(type: number): string | undefined {
    if (!this.has(type)) return undefined;
    let text = '';
    for (let at = this.at(type); at < this.at(type) + this.length(type); at++) {
      const code = this.#view.getUint8(at);
      if (code === 0) break;
      text += String.fromCharCode(code);
    }
    return text;
  }

  address(type: number, family: Family): Address | undefined {
    return this.length(type) >= (family === 4 ? 4 : 16) ? addressAt(this.#view, this.at(type), family) : undefined;
  }

  /** Parses the inside of a nested attribute; nothing when it is absent. */
  nested(type: number, into: Attributes): Attributes {
    const at = this.at(type);
    into.parse(this.#view, at, at < 0 ? at : at + this.length(type));
    return into;
  }
}

export function addressAt(view: DataView, at: number, family: Family): Address {
  return new Address(family, bitsAt(view, at, family));
}

export function bitsAt(view: DataView, at: number, family: Family): bigint {
  return family === 4 ? BigInt(view.getUint32(at)) : (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
}

/** undefined for a family that is neither IPv4 nor IPv6. */
export function familyOf(number: number): Family | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}

export const FAMILY_NUMBER: Readonly<Record<Family, number>> = { 4: AF_INET, 6: AF_INET6 };
