import { Address, type Family, formatBits, InvalidAddress, parseBits, parseV4, WIDTH } from './address.ts';

/**
 * A network prefix with no host bits set. Values are equal when `text` is: it is canonical.
 * There may be 100,000 of them, so an IPv4 one carries no bigint.
 */
export class Prefix {
  declare readonly family: Family;
  /** The leading 32 bits, as a signed number: most comparisons end here. */
  declare readonly top: number;
  declare readonly length: number;
  /** All bits of an IPv6 prefix; 0 for IPv4, where `top` says it all. */
  declare private readonly wide: bigint;
  declare private known: string | undefined;

  private constructor(family: Family, top: number, wide: bigint, length: number, text?: string) {
    this.family = family;
    this.top = top;
    this.length = length;
    this.wide = wide;
    this.known = text;
  }

  /** From bits without host bits. */
  static fromBits(family: Family, bits: bigint, length: number): Prefix {
    return new Prefix(family, topOf(family, bits), family === 4 ? 0n : bits, length);
  }

  /** An IPv4 prefix from its 32 bits, signed or not, without host bits. `text`, when given, must be the canonical text. */
  static fromWord(word: number, length: number, text?: string): Prefix {
    return new Prefix(4, word | 0, 0n, length, text);
  }

  /** The prefix of this length that holds an address; host bits are cleared. */
  static of(address: Address, length: number = WIDTH[address.family]): Prefix {
    const shift = BigInt(WIDTH[address.family] - length);
    return Prefix.fromBits(address.family, (address.bits >> shift) << shift, length);
  }

  /**
   * Strict: a length is required, host bits and IPv4-mapped IPv6 are refused.
   * @throws InvalidAddress; when a correction is clear the message contains it.
   */
  static parse(text: string): Prefix {
    const slash = text.indexOf('/');
    const family: Family = text.includes(':') ? 6 : 4;
    if (slash < 0) throw lengthMissing(text, family);
    return family === 4 ? parseNarrow(text, slash) : parseWide(text, slash);
  }

  /** Canonical text; made when it is first asked for. */
  get text(): string {
    this.known ??= `${formatBits(this.family, this.bits)}/${this.length}`;
    return this.known;
  }

  /** Tells prefixes of one family and length apart. */
  get key(): number | string {
    return this.family === 4 ? this.top : this.text;
  }

  get bits(): bigint {
    return this.family === 4 ? BigInt(this.top >>> 0) : this.wide;
  }

  /** Whether every address of `other` is in this prefix. */
  contains(other: Prefix): boolean {
    return this.family === other.family && this.length <= other.length && this.#covers(other.top, other.wide);
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
    return [Prefix.fromBits(this.family, this.bits, length), Prefix.fromBits(this.family, this.bits | half, length)];
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
    return bits >> shift === this.wide >> shift;
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
  if (a.family === 6 && a.bits !== b.bits) return a.bits < b.bits ? -1 : 1;
  return a.length - b.length;
}

function parseNarrow(text: string, slash: number): Prefix {
  const word = parseV4(text, slash);
  const length = parseLength(text, slash + 1, 32);
  const masked = length === 0 ? 0 : word & (-1 << (32 - length));
  if (masked !== (word | 0)) throw hostBits(text, Prefix.fromBits(4, BigInt(masked >>> 0), length));
  return Prefix.fromWord(word, length, text);
}

function parseWide(text: string, slash: number): Prefix {
  const bits = parseBits(6, text.slice(0, slash));
  const length = parseLength(text, slash + 1, 128);
  if (bits >> 32n === 0xffffn) throw new InvalidAddress(`"${text}" is an IPv4-mapped IPv6 prefix${v4Hint(bits, length)}`);
  const shift = BigInt(128 - length);
  const masked = (bits >> shift) << shift;
  if (masked !== bits) throw hostBits(text, Prefix.fromBits(6, masked, length));
  return Prefix.fromBits(6, bits, length);
}

function hostBits(text: string, corrected: Prefix): InvalidAddress {
  return new InvalidAddress(`"${text}" has host bits set: write ${corrected}`);
}

/** Decimal, without leading zeros. */
function parseLength(text: string, from: number, max: number): number {
  let length = -1;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9 || length === 0) throw badLength(text, max);
    length = Math.max(length, 0) * 10 + digit;
    if (length > max) throw badLength(text, max);
  }
  if (length < 0) throw badLength(text, max);
  return length;
}

function badLength(text: string, max: number): InvalidAddress {
  return new InvalidAddress(`"${text}" has no prefix length between 0 and ${max}`);
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
