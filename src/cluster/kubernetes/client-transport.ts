import { X509Certificate } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../../runtime/clock.ts';
import { malformed, type Question, refusal, unanswered } from './client-errors.ts';
import { Exchange, type Head } from './client-exchange.ts';
import { Connection, type Endpoint } from './connection.ts';
import { NoAnswer } from './connection-errors.ts';
import { type Credential, type Credentials, openCredentials, type User } from './credentials.ts';

const REQUEST_PATIENCE_MILLISECONDS = 30_000;

/** How often a request goes out again that the server has not looked at: its connection was being drained. */
const MOST_ATTEMPTS = 3;

/** Within this time watches leave a connection that is being drained: a server that stops waits for them, and others should not get all at once. */
const LEAVE_WITHIN_MILLISECONDS = 5_000;

/** Anything else would be dropped from the headers without a word. */
const TOKEN = /^[\x21-\x7e]+$/;

export interface ApiRequest {
  /** For messages: `list staticroutes`. */
  readonly words: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: { readonly type: string; readonly value: unknown };
  readonly signal?: AbortSignal | undefined;
  /** Longest silence of the server, in milliseconds. */
  readonly patience?: number;
}

/** Sends requests and reads answers: HTTP, credentials, errors. It knows no kinds. */
export class Transport {
  readonly #endpoint: Endpoint;
  readonly #connection: Connection;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #userAgent: string;

  constructor(endpoint: Endpoint, user: User, userAgent: string, clock: Clock) {
    this.#endpoint = endpoint;
    this.#connection = new Connection(endpoint, clock);
    this.#credentials = openCredentials(user, clock);
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** The JSON value of the answer. @throws ApiError, or the reason of the signal */
  async json(request: ApiRequest): Promise<unknown> {
    try {
      const { exchange } = await this.#ask(request);
      return parse(await exchange.text(), this.question(request));
    } catch (error) {
      throw this.#explained(request, error);
    }
  }

  /**
   * The bytes of the answer as they arrive; first none at all, as soon as the server has said yes. Ends early when its connection is being
   * drained: whoever goes on where it has ended loses nothing.
   * @throws ApiError, or the reason of the signal
   */
  async *stream(request: ApiRequest): AsyncGenerator<Buffer> {
    try {
      const { exchange } = await this.#ask(request);
      exchange.endAfterDrain(Math.random() * LEAVE_WITHIN_MILLISECONDS);
      yield* exchange.chunks(Buffer.alloc(0));
    } catch (error) {
      throw this.#explained(request, error);
    }
  }

  question({ words }: ApiRequest): Question {
    return { words, server: this.#endpoint.server };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #explained(request: ApiRequest, error: unknown): unknown {
    if (request.signal?.aborted) return request.signal.reason;
    return error instanceof NoAnswer ? unanswered(this.question(request), error) : error;
  }

  /** An answer that says yes. */
  async #ask(request: ApiRequest): Promise<Answer> {
    request.signal?.throwIfAborted();
    const credential = await abortable(this.#credentials.current(), request.signal);
    const first = await this.#send(request, credential);
    const answer = first.head.status === 401 ? await this.#askAgain(request, first, credential) : first;
    if (answer.head.status < 400) return answer;
    throw refusal(
      this.question(request),
      answer.head,
      await answer.exchange.text(),
      answer.head.status === 401 ? this.#hint(credential) : '',
    );
  }

  /** The token may have been replaced since it was read. */
  async #askAgain(request: ApiRequest, refused: Answer, credential: Credential): Promise<Answer> {
    const renewed = await abortable(this.#credentials.renewed(credential), request.signal);
    if (renewed === credential) return refused;
    refused.exchange.cancel();
    return this.#send(request, renewed);
  }

  async #send(request: ApiRequest, credential: Credential, attempt = 1): Promise<Answer> {
    try {
      return await this.#sendOnce(request, credential);
    } catch (error) {
      if (!(error instanceof NoAnswer && error.unprocessed && attempt < MOST_ATTEMPTS)) throw error;
      return this.#send(request, credential, attempt + 1);
    }
  }

  async #sendOnce(
    { method, path, body, signal, patience = REQUEST_PATIENCE_MILLISECONDS }: ApiRequest,
    credential: Credential,
  ): Promise<Answer> {
    const session = await abortable(this.#connection.session(credential), signal);
    const { token } = credential;
    if (token !== undefined && !TOKEN.test(token)) {
      throw new NoAnswer('Unreachable', `the token in ${this.#endpoint.origin} holds spaces or control characters: put a token there`);
    }
    const headers: OutgoingHttpHeaders = {
      ':method': method,
      ':path': `${new URL(this.#endpoint.server).pathname.replace(/\/$/, '')}${path}`,
      accept: 'application/json',
      'user-agent': this.#userAgent,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': body.type }),
    };
    const stream = session.request(headers, body !== undefined);
    const exchange = new Exchange(stream, { session, clock: this.#clock, patience, signal });
    if (body !== undefined) stream.end(JSON.stringify(body.value));
    return { exchange, head: await exchange.head() };
  }

  #hint({ certificate }: Credential): string {
    const { origin } = this.#endpoint;
    const expiry = certificate === undefined ? undefined : expiryOf(certificate);
    if (expiry !== undefined && expiry < this.#clock.date()) {
      return `; the client certificate in ${origin} expired at ${expiry.toISOString()}: renew it`;
    }
    return `; the credentials in ${origin} have expired or were revoked: renew them`;
  }
}

interface Answer {
  readonly exchange: Exchange;
  readonly head: Head;
}

/** Undefined when it cannot be read. */
function expiryOf(certificate: string): Date | undefined {
  try {
    return new X509Certificate(certificate).validToDate;
  } catch {
    return undefined;
  }
}

function parse(text: string, question: Question): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(question, 'an answer that is not JSON', error);
  }
}

/** Stops waiting when the signal aborts; what is waited for is shared, and goes on. @throws the reason of the signal */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
