import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls, getCACertificates, type TLSSocket } from 'node:tls';
import type { Clock } from '../../runtime/clock.ts';
import { closedByUs, connectFailure, connectionLost, NoAnswer, type Suspect } from './connection-errors.ts';

const CONNECT_MILLISECONDS = 5000;
const PING_EVERY_MILLISECONDS = 30_000;
const PING_PATIENCE_MILLISECONDS = 15_000;

/** A stream that is not read must not hold back the others, so the connection's window is far larger than a stream's. */
const STREAM_WINDOW = 1 << 20;
const CONNECTION_WINDOW = 1 << 28;

export interface SessionOptions extends Suspect {
  readonly port: number;
  /** Name in the server's certificate, when it is not the host. */
  readonly serverName: string | undefined;
  /** PEM; absent: what this machine trusts. */
  readonly ca: string | undefined;
  /** PEM */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly insecure: boolean;
  readonly clock: Clock;
  /** Gives up while connecting. */
  readonly signal: AbortSignal;
}

/** One HTTP/2 connection (RFC 9113) to the API server. It is tested by PING, and never opened again: that is a new Session. */
export class Session {
  readonly options: SessionOptions;
  /** Resolves when it is gone. */
  readonly closed: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #http2: ClientHttp2Session;
  readonly #drainers = new Set<() => void>();
  #failure: unknown;
  #stopPing: () => void = () => {};

  /** Resolves when the server has shown that it speaks HTTP/2. @throws NoAnswer */
  static async open(options: SessionOptions): Promise<Session> {
    const { clock, server, signal } = options;
    try {
      const socket = dial(options);
      const late = new NoAnswer(
        'Timeout',
        `${server} has not completed a connection within ${CONNECT_MILLISECONDS / 1000} s: check the network`,
      );
      const stopTimer = clock.after(CONNECT_MILLISECONDS, () => socket.destroy(late));
      const abort = (): void => void socket.destroy(closedByUs(server));
      signal.addEventListener('abort', abort);
      try {
        await handshake(socket, server);
        const session = new Session(socket, options);
        await session.#greeted();
        session.#keepTesting();
        return session;
      } finally {
        stopTimer();
        signal.removeEventListener('abort', abort);
      }
    } catch (error) {
      throw connectFailure(error, options);
    }
  }

  private constructor(socket: TLSSocket, options: SessionOptions) {
    this.options = options;
    this.#socket = socket;
    this.#http2 = connectHttp2(options.server, {
      createConnection: () => socket,
      settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
    });
    this.#http2.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#http2.once('goaway', () => this.#drain());
    this.closed = new Promise((resolve) => {
      this.#http2.once('close', () => {
        this.#stopPing();
        resolve();
      });
    });
  }

  /** Whether requests may be sent. False from the moment that the server says GOAWAY. */
  get usable(): boolean {
    return !this.#http2.closed && !this.#http2.destroyed;
  }

  get destroyed(): boolean {
    return this.#http2.destroyed;
  }

  /** Why what was under way on it has broken off; `hint`: what the stream knows, which may hear of it first. */
  failure(hint?: unknown): NoAnswer {
    return connectionLost(this.#failure ?? hint, this.options);
  }

  /** @throws NoAnswer (`unprocessed`) when it is not usable. */
  request(headers: OutgoingHttpHeaders, hasBody: boolean): ClientHttp2Stream {
    try {
      return this.#http2.request(headers, { endStream: !hasBody });
    } catch (error) {
      throw new NoAnswer('Unreachable', this.failure().message, { cause: error, unprocessed: true });
    }
  }

  /** Takes no new request, and goes when the last answer is complete. */
  retire(): void {
    if (this.usable) this.#http2.close();
    this.#drain();
  }

  /** Calls `listener` when new requests go elsewhere while what is under way here is completed. The answer ends that. */
  onDrain(listener: () => void): () => void {
    this.#drainers.add(listener);
    return () => void this.#drainers.delete(listener);
  }

  #drain(): void {
    for (const listener of this.#drainers) listener();
    this.#drainers.clear();
  }

  /** Ends at once; whatever is under way fails for this reason. */
  async destroy(reason: NoAnswer): Promise<void> {
    this.#failure ??= reason;
    this.#http2.destroy(reason, constants.NGHTTP2_NO_ERROR);
    // A session that is being closed would wait for the other side.
    this.#socket.destroy();
    await this.closed;
  }

  /** The server's SETTINGS are the first that it sends. */
  async #greeted(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http2.once('remoteSettings', () => resolve());
      void this.closed.then(() => reject(connectFailure(this.#failure, this.options)));
    });
    this.#http2.setLocalWindowSize(CONNECTION_WINDOW);
  }

  #keepTesting(): void {
    const { clock, server } = this.options;
    this.#stopPing = clock.after(PING_EVERY_MILLISECONDS, () => {
      // Nothing is under way on it any more, and the other side has not closed.
      if (this.destroyed) return void this.#socket.destroy();
      const overdue = clock.after(PING_PATIENCE_MILLISECONDS, () => {
        void this.destroy(new NoAnswer('Unreachable', `${server} has not answered a PING for ${PING_PATIENCE_MILLISECONDS / 1000} s`));
      });
      this.#stopPing = overdue;
      this.#http2.ping((error) => {
        overdue();
        if (!error) this.#keepTesting();
      });
    });
  }
}

function dial({ host, port, serverName, insecure, ca, certificate, key }: SessionOptions): TLSSocket {
  const name = serverName ?? (isIP(host) ? undefined : host);
  return connectTls({
    host,
    port,
    // Offering both makes the server say what it speaks, instead of an alert.
    ALPNProtocols: ['h2', 'http/1.1'],
    rejectUnauthorized: !insecure,
    ca: ca ?? [...getCACertificates('default'), ...getCACertificates('system')],
    ...(name !== undefined && { servername: name }),
    ...(certificate !== undefined && key !== undefined && { cert: certificate, key }),
  }).setNoDelay(true);
}

function handshake(socket: TLSSocket, server: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it ended during the TLS handshake')));
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol === 'h2') return resolve();
      reject(
        new NoAnswer('Unreachable', `${server} speaks no HTTP/2: let what stands before the API server pass TLS through, or speak h2`),
      );
      socket.destroy();
    });
  });
}
