import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '../../runtime/clock.ts';
import { NoAnswer } from './connection-errors.ts';
import type { Session } from './session.ts';

export interface ExchangeOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** Longest time in which nothing arrives, in milliseconds. */
  readonly patience: number;
  readonly signal: AbortSignal | undefined;
}

/** One request under way on one stream. Ends by itself when the server is silent for too long, and with CANCEL when the signal aborts. */
export class Exchange {
  readonly #stream: ClientHttp2Stream;
  readonly #options: ExchangeOptions;
  readonly #abort = (): void => this.#end(this.#options.signal?.reason);
  #failure: { readonly reason: unknown } | undefined;
  #error: unknown;
  #stopTimer: () => void = () => {};
  #stopDraining: () => void = () => {};
  #drained = false;
  #wake: () => void = () => {};

  constructor(stream: ClientHttp2Stream, options: ExchangeOptions) {
    this.#stream = stream;
    this.#options = options;
    // `close` follows it.
    stream.on('error', (error) => {
      this.#error = error;
    });
    stream.once('close', () => {
      this.#stopTimer();
      this.#stopDraining();
      options.signal?.removeEventListener('abort', this.#abort);
      this.#wake();
    });
    stream.on('readable', () => this.#wake());
    stream.once('end', () => this.#wake());
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
    this.#wait();
  }

  /** Resolves when the headers of the answer are there. @throws NoAnswer, or the reason of the signal */
  head(): Promise<Head> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(this.#why());
      this.#stream.once('response', (headers) => {
        this.#stopTimer();
        this.#stream.off('close', fail);
        resolve({ status: headers[':status'] ?? 0, headers });
      });
      this.#stream.once('close', fail);
    });
  }

  /** An answer without an end of its own ends so long after its connection takes no more requests, in milliseconds. */
  endAfterDrain(delay: number): void {
    if (this.#stream.destroyed) return;
    const { session, clock } = this.#options;
    const begin = (): void => {
      this.#stopDraining = clock.after(delay, () => {
        this.#drained = true;
        this.#wake();
      });
    };
    if (session.usable) this.#stopDraining = session.onDrain(begin);
    else begin();
  }

  /** What arrives, as much at a time as has arrived, after `first`. @throws NoAnswer when it breaks off, or the reason of the signal */
  async *chunks(...first: readonly Buffer[]): AsyncGenerator<Buffer> {
    try {
      yield* first;
      for (let chunk = await this.#read(); chunk !== undefined; chunk = await this.#read()) yield chunk;
    } finally {
      this.cancel();
    }
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks()) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Undefined at the end. By hand: `for await` takes a stream of HTTP/2 that has ended, but was not read yet, for broken off. */
  async #read(): Promise<Buffer | undefined> {
    // Only while we wait: the time that the reader takes is not the server's silence.
    this.#wait();
    for (;;) {
      const chunk: Buffer | null = this.#stream.read();
      if (chunk !== null) {
        this.#stopTimer();
        return chunk;
      }
      if (this.#drained) return undefined;
      if (this.#stream.readableEnded && this.#failure === undefined && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR)
        return undefined;
      if (this.#stream.readableEnded || this.#stream.destroyed) throw this.#why();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The rest is not wanted. */
  cancel(): void {
    if (this.#stream.destroyed) return;
    if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }

  #end(reason: unknown): void {
    this.#failure ??= { reason };
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }

  #wait(): void {
    const { clock, patience, session } = this.#options;
    this.#stopTimer();
    if (this.#stream.destroyed) return;
    this.#stopTimer = clock.after(patience, () => {
      this.#end(new NoAnswer('Timeout', `${session.options.server} has sent nothing for ${patience / 1000} s`));
    });
  }

  #why(): unknown {
    if (this.#failure !== undefined) return this.#failure.reason;
    const { session } = this.#options;
    const code = this.#stream.rstCode;
    if (code === constants.NGHTTP2_REFUSED_STREAM) {
      return new NoAnswer('Unreachable', `${session.options.server} took no more requests on this connection`, { unprocessed: true });
    }
    if (session.destroyed) return session.failure(this.#error);
    return new NoAnswer('Unreachable', `${session.options.server} broke off its answer (HTTP/2 error code ${code})`);
  }
}

export interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}
