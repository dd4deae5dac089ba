import { KernelUnavailable } from '../../kernel.ts';
import { NLM_F_REQUEST, NLMSG_ERROR } from './constants.ts';
import { decodeError, errorCode, type KernelError } from './errors.ts';
import { MessageReader } from './reader.ts';
import { type NetlinkSocket, NOTHING, OVERFLOW } from './socket.ts';
import { MessageWriter } from './writer.ts';

/** Writes a message, or the header of a question. */
export type Encode = (writer: MessageWriter) => void;

/**
 * A few messages at a time, sent and answered at once: the kernel has carried out all of them, and answered, when `send` returns. So these
 * are synchronous, and nothing of ours comes in between.
 */
export class Exchange {
  readonly #socket: NetlinkSocket;
  readonly #reader: MessageReader;
  readonly #writer = new MessageWriter(4096);

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#reader = new MessageReader(socket.buffer);
  }

  /**
   * One `send`: no signal ends the process between its messages. @returns what was refused, by sequence number.
   * @throws KernelUnavailable
   */
  request(...messages: readonly Encode[]): ReadonlyMap<number, KernelError> {
    this.#writer.reset();
    for (const write of messages) write(this.#writer);
    const refused = new Map<number, KernelError>();
    this.#send((message) => {
      const error = message.type === NLMSG_ERROR ? decodeError(message) : undefined;
      if (error) refused.set(message.seq, error);
    });
    return refused;
  }

  /**
   * The one object that a question names; undefined when there is none.
   * @throws KernelUnavailable when the kernel refuses the question for any reason that is not in `absent`.
   */
  query<T>(type: number, header: Encode, decode: (message: MessageReader) => T | undefined, absent: readonly number[]): T | undefined {
    this.#writer.reset();
    this.#writer.begin(type, NLM_F_REQUEST, 1);
    header(this.#writer);
    this.#writer.end();
    let found: T | undefined;
    let refused: KernelError | undefined;
    this.#send((message) => {
      if (message.type === NLMSG_ERROR) refused = decodeError(message);
      else found = decode(message);
    });
    if (refused && !absent.includes(refused.errno)) {
      throw new KernelUnavailable(`the kernel refused to show its state: ${refused.text ?? errorCode(refused.errno)}`);
    }
    return found;
  }

  #send(each: (message: MessageReader) => void): void {
    this.#socket.send(this.#writer.buffer, this.#writer.size);
    for (let size = this.#socket.receive(); size !== NOTHING; size = this.#socket.receive()) {
      if (size === OVERFLOW) throw new KernelUnavailable('the kernel ran out of socket memory while it answered');
      this.#reader.reset(size);
      while (this.#reader.next()) each(this.#reader);
    }
  }
}
