import assert from 'node:assert/strict';
import { MessageReader } from '../../src/kernel/linux/netlink/reader.ts';
import { MessageWriter } from '../../src/kernel/linux/netlink/writer.ts';

/** What an encoder writes, as hexadecimal digits. */
export function hex(encode: (writer: MessageWriter) => void): string {
  const writer = new MessageWriter(4096);
  // What an earlier, longer message left behind must not shine through.
  writer.buffer.fill(0xee);
  encode(writer);
  return Buffer.from(writer.buffer.subarray(0, writer.size)).toString('hex');
}

/** Spaces are for the reader. */
export function bare(text: string): string {
  return text.replaceAll(' ', '');
}

/** A 32-bit number as the kernel lays it out. */
export function word(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('hex');
}

/** One message with its header, as hexadecimal digits. */
export function frame(type: number, payload: string, flags = 0): string {
  const body = bare(payload);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length / 2);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  return header.toString('hex') + body + '00'.repeat((4 - ((body.length / 2) % 4)) % 4);
}

/** A reader that stands on one message. */
export function message(type: number, payload: string, flags = 0): MessageReader {
  const bytes = Buffer.from(frame(type, payload, flags), 'hex');
  const reader = new MessageReader(padded(bytes));
  reader.reset(bytes.length);
  assert.ok(reader.next());
  return reader;
}

/** In whole words, as a receive buffer is. */
export function padded(bytes: Buffer): Uint8Array {
  const whole = new Uint8Array((bytes.length + 3) & ~3);
  whole.set(bytes);
  return whole;
}
