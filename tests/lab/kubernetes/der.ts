import { Address, WIDTH } from '../../../src/core/ip/address.ts';

/** Just enough DER (X.690) to write certificates. */
const der = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
};

export const sequence = (...items: readonly Uint8Array[]) => der(0x30, ...items);
export const set = (...items: readonly Uint8Array[]) => der(0x31, ...items);
export const octets = (content: Uint8Array) => der(0x04, content);
export const bits = (content: Uint8Array, unused = 0) => der(0x03, Buffer.from([unused]), content);
export const utf8 = (text: string) => der(0x0c, Buffer.from(text));
export const yes = der(0x01, Buffer.from([0xff]));
/** [number] EXPLICIT */
export const tagged = (number: number, content: Uint8Array) => der(0xa0 + number, content);

/** @param bytes big-endian, not empty, the first byte below 0x80 */
export const integer = (bytes: Uint8Array) => der(0x02, bytes);

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

/** UTCTime; for years before 2050. */
export function time(date: Date): Buffer {
  return der(
    0x17,
    Buffer.from(
      `${date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2)}`,
    ),
  );
}

/** GeneralName (RFC 5280, 4.2.1.6): an address or a DNS name. */
export function generalName(host: string): Buffer {
  if (!/^[\d.]+$|:/.test(host)) return der(0x82, Buffer.from(host));
  const address = Address.parse(host);
  const digits = address.bits.toString(16).padStart(WIDTH[address.family] / 4, '0');
  return der(0x87, Buffer.from(digits, 'hex'));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 + bytes.length]), bytes]);
}

function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) groups.unshift(0x80 | (rest & 0x7f));
  return groups;
}
