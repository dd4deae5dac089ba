import { Address, type Family, formatBits, InvalidAddress, parseBits, WIDTH } from './address.ts';

/**
 * A network prefix with no host bits set. Values are equal when `text` is: it is canonical, and serves as map key.
 */
export class Prefix {
  readonly family: Family;
  readonly bits: bigint;
  readonly length: number;
  readonly text: string;
  /** The leading 32 bits, as a signed number: most comparisons end here, without arithmetic on bigints. */
  readonly top: number;

  /** `bits` must have no host bits; use `Prefix.of` when they may. `text`, when given, must be the canonical text. */
  constructor(family: Family, bits: bigint, length: number, text = `${formatBits(family, bits)}/${length}`) {
    this.family = family;
    this.bits = bits;
    this.length = length;
    this.text = text;
    this.top = topOf(family, bits);
  }

  /** The prefix of this length that holds an address; host bits are cleared. */
  static of(address: Address, length: number = WIDTH[address.family]): Prefix {
    const shift = BigInt(WIDTH[address.family] - length);
    return new Prefix(address.family, (address.bits >> shift) << shift, length);
  }

  /**
   * Strict: a length is required, host bits and IPv4-mapped IPv6 are refused.
   * @throws InvalidAddress; when a correction is clear the message contains it.
   */
  static parse(text: string): Prefix {
    const slash = text.indexOf('/');
    const family: Family = text.includes(':') ? 6 : 4;
    if (slash < 0) throw lengthMissing(text, family);
    const bits = parseBits(family, text.slice(0, slash));
    const length = parseLength(text, slash + 1, WIDTH[family]);
    const mapped = family === 6 && bits >> 32n === 0xffffn;
    if (mapped) throw new InvalidAddress(`"${text}" is an IPv4-mapped IPv6 prefix${v4Hint(bits, length)}`);
    const shift = BigInt(WIDTH[family] - length);
    const masked = (bits >> shift) << shift;
    if (masked !== bits) throw new InvalidAddress(`"${text}" has host bits set: write ${new Prefix(family, masked, length)}`);
    return family === 4 ? new Prefix(4, bits, length, text) : new Prefix(6, bits, length);
  }

  /** Whether every address of `other` is in this prefix. */
  contains(other: Prefix): boolean {
    return this.family === other.family && this.length <= other.length && this.#covers(other.top, other.bits);
  }

  has(address: Address): boolean {
    return this.family === address.family && this.#covers(topOf(address.family, address.bits), address.bits);
  }

  overlaps(other: Prefix): boolean {
    return this.contains(other) || other.contains(this);
  }

  /** First address, which is the network's own. */
  get first(): Address {
    return new Address(this.family, this.bits);
  }

  /** Last address: in IPv4 the broadcast address. */
  get last(): Address {
    return new Address(this.family, lastBits(this));
  }

  /** The two halves. @throws RangeError for a single address. */
  split(): readonly [Prefix, Prefix] {
    if (this.length === WIDTH[this.family]) throw new RangeError(`${this} is a single address`);
    const half = 1n << BigInt(WIDTH[this.family] - this.length - 1);
    const length = this.length + 1;
    return [new Prefix(this.family, this.bits, length), new Prefix(this.family, this.bits | half, length)];
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }

  #covers(top: number, bits: bigint): boolean {
    if (this.length === 0) return true;
    if (this.length <= 32) return (top ^ this.top) >>> (32 - this.length) === 0;
    if (top !== this.top) return false;
    const shift = BigInt(WIDTH[this.family] - this.length);
    return bits >> shift === this.bits >> shift;
  }
}

function topOf(family: Family, bits: bigint): number {
  return Number(family === 4 ? bits : bits >> 96n) | 0;
}

/** The leading 32 bits of the last address, signed like `top`. */
function lastTop(prefix: Prefix): number {
  return prefix.length >= 32 ? prefix.top : prefix.top | (0xffffffff >>> prefix.length);
}

/** Whether a prefix ends before another begins. */
export function endsBefore(prefix: Prefix, other: Prefix): boolean {
  if (prefix.family !== other.family) return prefix.family < other.family;
  const last = lastTop(prefix);
  if (last !== other.top) return last >>> 0 < other.top >>> 0;
  return prefix.family === 6 && lastBits(prefix) < other.bits;
}

export function lastBits(prefix: Prefix): bigint {
  return prefix.bits | ((1n << BigInt(WIDTH[prefix.family] - prefix.length)) - 1n);
}

/** Sort order: family, first address, shorter prefix first: a prefix comes just before what it contains. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.top !== b.top) return a.top >>> 0 < b.top >>> 0 ? -1 : 1;
  if (a.bits !== b.bits) return a.bits < b.bits ? -1 : 1;
  return a.length - b.length;
}

function parseLength(text: string, from: number, max: number): number {
  const digits = text.slice(from);
  const length = /^(0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= max)) throw new InvalidAddress(`"${text}" has no prefix length between 0 and ${max}`);
  return length;
}

function lengthMissing(text: string, family: Family): InvalidAddress {
  try {
    return new InvalidAddress(`"${text}" has no prefix length: write ${Prefix.of(Address.parse(text))}`);
  } catch {
    return new InvalidAddress(`"${text}" is not an IPv${family} prefix: write it as ${family === 4 ? '10.1.0.0/16' : '2001:db8::/32'}`);
  }
}

function v4Hint(bits: bigint, length: number): string {
  if (length < 96) return '';
  return `: write ${Prefix.of(new Address(4, bits & 0xffffffffn), length - 96)}`;
}
