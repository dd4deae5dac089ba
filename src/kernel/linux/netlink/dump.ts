import { KernelUnavailable } from '../../kernel.ts';
import { NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR } from './constants.ts';
import { decodeError, errorCode } from './errors.ts';
import { MessageReader } from './reader.ts';
import { type NetlinkSocket, NOTHING, OVERFLOW } from './socket.ts';
import { MessageWriter } from './writer.ts';

/** How often a dump that changed while it was read is begun again. */
const ATTEMPTS = 10;

/** One question to the kernel: what to list, and what to do with the answers. */
export interface DumpRequest {
  /** RTM_GET*. */
  readonly type: number;
  /** Writes the header structure that follows nlmsghdr, and filter attributes. */
  readonly header: (writer: MessageWriter) => void;
  /** Called first, and again whenever an incomplete answer is thrown away. */
  readonly begin?: () => void;
  readonly each: (message: MessageReader) => void;
}

type Result = 'complete' | 'changed-meanwhile';

/**
 * Lists kernel objects. A dump is produced while it is read, chunk by chunk, by `recv` itself, so it never has to wait:
 * it is synchronous, and nothing of ours comes in between.
 */
export class Dumper {
  readonly #socket: NetlinkSocket;
  readonly #reader: MessageReader;
  readonly #writer = new MessageWriter(0);
  #seq = 0x40000000;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#reader = new MessageReader(socket.buffer);
  }

  /** @throws KernelUnavailable when the kernel refuses, or never holds still long enough. */
  dump(request: DumpRequest): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      request.begin?.();
      this.#ask(request);
      if (this.#read(request) === 'complete') return;
    }
    throw new KernelUnavailable(`the kernel's state changed during each of ${ATTEMPTS} attempts to read it`);
  }

  #ask(request: DumpRequest): void {
    this.#writer.reset();
    this.#writer.begin(request.type, NLM_F_REQUEST | NLM_F_DUMP, ++this.#seq);
    request.header(this.#writer);
    this.#writer.end();
    this.#socket.send(this.#writer.buffer, this.#writer.size);
  }

  #read(request: DumpRequest): Result {
    const reader = this.#reader;
    let result: Result = 'complete';
    for (;;) {
      const size = this.#socket.receive();
      if (size === NOTHING) throw new KernelUnavailable('the kernel broke off a dump');
      if (size === OVERFLOW) throw new KernelUnavailable('the kernel ran out of socket memory during a dump');
      reader.reset(size);
      while (reader.next()) {
        if (reader.seq !== this.#seq) continue;
        if (reader.flags & NLM_F_DUMP_INTR) result = 'changed-meanwhile';
        if (reader.type === NLMSG_DONE || reader.type === NLMSG_ERROR) {
          refused(reader);
          return result;
        }
        request.each(reader);
      }
    }
  }
}

/** NLMSG_DONE carries an errno too. */
function refused(message: MessageReader): void {
  const error = decodeError(message);
  if (error) throw new KernelUnavailable(`the kernel refused to list its state: ${error.text ?? errorCode(error.errno)}`);
}
