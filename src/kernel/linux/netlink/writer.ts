import { type Address, WIDTH } from '../../../core/ip/address.ts';
import type { Prefix } from '../../../core/ip/prefix.ts';
import { NLA_F_NESTED } from './constants.ts';

/** Room for one more message of ours beyond the point where a batch is full. */
const SPARE = 1024;

/**
 * Netlink messages, one after another, in one buffer that is used again and again.
 * Netlink is in host byte order; every machine that Node 24 runs on with this addon (x64, arm64) is little-endian.
 */
export class MessageWriter {
  readonly buffer: Uint8Array;
  /** Bytes written. */
  size = 0;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #full: number;
  #message = 0;

  /** `full`: from this many bytes on `isFull`; the next message still fits. */
  constructor(full: number) {
    this.#full = full;
    this.buffer = new Uint8Array((full + SPARE) & ~3);
    this.#words = new Int32Array(this.buffer.buffer);
    this.#view = new DataView(this.buffer.buffer);
  }

  get isFull(): boolean {
    return this.size >= this.#full;
  }

  reset(): void {
    this.size = 0;
  }

  /** struct nlmsghdr; the length is filled in by `end`. */
  begin(type: number, flags: number, seq: number): void {
    this.#message = this.size;
    const at = this.size;
    this.#view.setUint16(at + 4, type, true);
    this.#view.setUint16(at + 6, flags, true);
    this.#view.setUint32(at + 8, seq, true);
    this.#view.setUint32(at + 12, 0, true);
    this.size = at + 16;
  }

  end(): void {
    this.#view.setUint32(this.#message, this.size - this.#message, true);
  }

  /** A copy of the message that was written last. */
  copyOfLast(): Int32Array {
    return this.#words.slice(this.#message >> 2, this.size >> 2);
  }

  /** Writes such a copy again, as message `seq`. @returns where it begins. */
  again(message: Int32Array, seq: number): number {
    const at = this.size;
    const first = at >> 2;
    for (let i = 0; i < message.length; i++) this.#words[first + i] = message[i] ?? 0;
    this.#words[first + 2] = seq;
    this.size = at + (message.length << 2);
    return at;
  }

  byteAt(at: number, value: number): void {
    this.buffer[at] = value;
  }

  /** Writes the address of a prefix at an offset instead of at the end. */
  prefixAt(at: number, prefix: Prefix): void {
    if (prefix.family === 4) this.#view.setInt32(at, prefix.top);
    else this.#bitsAt(at, prefix.family, prefix.bits);
  }

  #bitsAt(at: number, family: 4 | 6, bits: bigint): void {
    if (family === 4) {
      this.#view.setUint32(at, Number(bits));
    } else {
      this.#view.setBigUint64(at, bits >> 64n);
      this.#view.setBigUint64(at + 8, BigInt.asUintN(64, bits));
    }
  }

  u32(value: number): void {
    this.#view.setUint32(this.size, value, true);
    this.size += 4;
  }

  /** Four bytes at once, the first one first. */
  bytes4(a: number, b: number, c: number, d: number): void {
    this.u32(a | (b << 8) | (c << 16) | (d << 24));
  }

  attributeU32(type: number, value: number): void {
    this.#attribute(type, 4);
    this.u32(value);
  }

  /** Padded with zeros to four bytes. */
  attributeBytes(type: number, value: Uint8Array): void {
    this.#attribute(type, value.length);
    const end = this.size + ((value.length + 3) & ~3);
    this.buffer.fill(0, this.size, end);
    this.buffer.set(value, this.size);
    this.size = end;
  }

  /** A zero-terminated string. */
  attributeText(type: number, text: string): void {
    this.attributeBytes(type, Buffer.from(`${text}\0`));
  }

  attributeBits(type: number, family: 4 | 6, bits: bigint): void {
    this.#attribute(type, WIDTH[family] / 8);
    this.#bits(family, bits);
  }

  /** struct rtvia: a family and an address, padded to four bytes. */
  attributeVia(type: number, family: number, address: Address): void {
    this.#attribute(type, 2 + WIDTH[address.family] / 8);
    this.#view.setUint16(this.size, family, true);
    this.size += 2;
    this.#bits(address.family, address.bits);
    this.#view.setUint16(this.size, 0, true);
    this.size += 2;
  }

  /** @returns what `endNested` wants. */
  beginNested(type: number): number {
    const at = this.size;
    this.#attribute(type | NLA_F_NESTED, 0);
    return at;
  }

  endNested(at: number): void {
    this.#view.setUint16(at, this.size - at, true);
  }

  #attribute(type: number, length: number): void {
    this.#view.setUint16(this.size, length + 4, true);
    this.#view.setUint16(this.size + 2, type, true);
    this.size += 4;
  }

  #bits(family: 4 | 6, bits: bigint): void {
    this.#bitsAt(this.size, family, bits);
    this.size += WIDTH[family] / 8;
  }
}
