import { once } from 'node:events';
import { Agent, request } from 'node:https';

/** Where the API server is, and who asks. PEM. */
export interface ApiPlace {
  readonly address: string;
  readonly port: number;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** What was asked, when its first byte was sent and when the answer was complete, by `performance.now`. */
export interface Answered {
  readonly code: number;
  readonly text: string;
  readonly sent: number;
  readonly answered: number;
}

/** Persistent HTTPS connections to an API server and nothing between: what a request costs is the server's doing. */
export class Requests implements Disposable {
  readonly #place: ApiPlace;
  readonly #agent: Agent;

  constructor(place: ApiPlace, connections = 1) {
    const { authority, certificate, key } = place;
    this.#place = place;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, ca: authority, cert: certificate, key, servername: 'kubernetes' });
  }

  /** @throws Error when the server refuses */
  async send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Answered> {
    const answer = await this.attempt(method, path, body);
    if (answer.code >= 300) throw new Error(`${method} ${path}: ${answer.code} ${answer.text}`);
    return answer;
  }

  /** Rejects only when there is no answer. */
  async attempt(method: string, path: string, body?: unknown): Promise<Answered> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
    const { address: host, port } = this.#place;
    const call = request({ host, port, method, path, headers, agent: this.#agent });
    const response = once(call, 'response');
    const connected = once(call, 'socket');
    connected.catch(() => undefined); // `response` tells the same
    const [socket] = await Promise.race([connected, response]);
    if (socket.connecting) await Promise.race([once(socket, 'secureConnect'), response]);
    const sent = performance.now();
    call.end(text);
    const [answer] = await response;
    let whole = '';
    for await (const part of answer.setEncoding('utf8')) whole += part;
    return { code: answer.statusCode ?? 0, text: whole, sent, answered: performance.now() };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
