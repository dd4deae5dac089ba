import { RTA_DST } from './constants.ts';
import type { Attributes, MessageReader } from './reader.ts';

const RTA_CACHEINFO = 12;
/** Longer messages are not remembered. */
const WORDS = 128;

/**
 * Tells whether a route message equals an earlier one in every byte but the destination (and the IPv6 ages and use counts).
 * Attribute headers are compared too, so equal bytes mean an equal layout.
 */
export class SameExceptDestination {
  /** Offset of the destination in the message that matched, -1 without one. */
  destination = -1;
  readonly #words = new Int32Array(WORDS);
  #count = 0;
  #dst: Range = NOWHERE;
  #cache: Range = NOWHERE;

  remember(message: MessageReader, attributes: Attributes): void {
    const from = message.start >> 2;
    const count = (message.end - message.start) >> 2;
    this.#count = count > WORDS || (message.end & 3) !== 0 ? 0 : count;
    for (let i = 0; i < this.#count; i++) this.#words[i] = message.words[from + i] ?? 0;
    this.#dst = rangeOf(attributes, RTA_DST, from);
    this.#cache = rangeOf(attributes, RTA_CACHEINFO, from);
  }

  matches(message: MessageReader): boolean {
    const from = message.start >> 2;
    if (this.#count === 0 || message.end - message.start !== this.#count << 2) return false;
    // The second byte of the first word is the prefix length.
    if ((((message.words[from] ?? 0) ^ (this.#words[0] ?? 0)) & ~0xff00) !== 0) return false;
    for (let i = 1; i < this.#count; i++) {
      if (message.words[from + i] !== this.#words[i] && !within(this.#dst, i) && !within(this.#cache, i)) return false;
    }
    this.destination = this.#dst === NOWHERE ? -1 : (from + this.#dst.from) << 2;
    return true;
  }
}

/** In words, relative to the payload. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const NOWHERE: Range = { from: -1, to: -1 };

function rangeOf(attributes: Attributes, type: number, base: number): Range {
  if (!attributes.has(type)) return NOWHERE;
  const from = (attributes.at(type) >> 2) - base;
  return { from, to: from + ((attributes.length(type) + 3) >> 2) };
}

function within(range: Range, index: number): boolean {
  return index >= range.from && index < range.to;
}
