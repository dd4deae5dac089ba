import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Identity } from './certificates.ts';

/** Node refuses streams when more than this waits to be sent; by default 10. */
const SESSION_MEGABYTES = 100;

/** What a test lets the server do with one request. */
export type Script = (stream: ServerHttp2Stream, request: Received) => void;

export interface Received {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Resolves when it has arrived. */
  readonly body: Promise<string>;
}

/** An HTTP/2 server on loopback that answers as a test says, in place of an API server. */
export class ScriptedServer {
  readonly received: Received[] = [];
  /** Connections that are open. */
  readonly sessions = new Set<ServerHttp2Session>();
  script: Script = (stream) => answer(stream, 200, {});
  readonly #sockets = new Set<Socket>();
  #accepted = 0;
  readonly #server: Http2SecureServer;

  static async open({ certificate, key }: Identity, options: TlsOptions = {}): Promise<ScriptedServer> {
    const server = createSecureServer({ cert: certificate, key, maxSessionMemory: SESSION_MEGABYTES, ...options });
    const scripted = new ScriptedServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on('session', (session) => {
      this.#accepted += 1;
      this.sessions.add(session);
      session.on('error', () => {});
      session.once('close', () => this.sessions.delete(session));
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      const request: Received = {
        method: String(headers[':method']),
        path: String(headers[':path']),
        headers,
        body: readAll(stream),
      };
      this.received.push(request);
      this.script(stream, request);
    });
  }

  /** Connections that were ever opened. */
  get accepted(): number {
    return this.#accepted;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    return address.port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** The certificate for connections to come. */
  present({ certificate, key }: Identity): void {
    this.#server.setSecureContext({ cert: certificate, key });
  }

  async close(): Promise<void> {
    // Sockets, not sessions: one that has said GOAWAY would wait for the client.
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Sends a whole answer: JSON, or text as it is. */
export function answer(stream: ServerHttp2Stream, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function readAll(stream: ServerHttp2Stream): Promise<string> {
  let text = '';
  try {
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  } catch {
    // A request that is given up has the body that came.
  }
  return text;
}
