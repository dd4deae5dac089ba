import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ApiOptions, DEFAULTS, FakeApi } from './fake/api.ts';
import { FakeDatabase } from './fake/database.ts';
import type { Fault } from './fake/faults.ts';
import type { FakeAnswer, FakeRequest } from './fake/wire.ts';

export interface FakeOptions extends Partial<ApiOptions> {
  /** PEM; absent: without TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly port?: number;
  readonly host?: string;
  /** Milliseconds, by which tokens expire and blocks end. */
  readonly now?: () => number;
  /** Of another one: this is a further web server before the same phpIPAM, with a lock of its own. */
  readonly database?: FakeDatabase;
}

/**
 * A phpIPAM that speaks HTTP as the recorded ones did (`tests/fixtures/phpipam`, held against it by `fake-phpipam.test.ts`), keeps what it
 * is told in memory, and counts and spoils requests. It has one user, `fairlead` with the password `secret`, and an application for each way
 * of authentication; a test adds subnets.
 */
export class FakePhpIpam {
  readonly database: FakeDatabase;
  readonly api: FakeApi;
  /** How often each kind of request has come: `GET subnets/{id}/addresses`. */
  readonly calls = new Map<string, number>();
  /** Asked for every request: its kind, its number among all, and itself. */
  spoil: (kind: string, number: number, request: FakeRequest) => Fault | undefined = () => undefined;
  /** Called when a request is left without an answer. */
  onHang: () => void = () => {};
  /** How many requests were under way at the same time, at most. */
  busiest = 0;
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #late: (() => Promise<unknown>)[] = [];
  #requests = 0;
  #underWay = 0;

  static async open(options: FakeOptions = {}): Promise<FakePhpIpam> {
    const fake = new FakePhpIpam(options);
    const { port = 0, host = '127.0.0.1' } = options;
    await new Promise<void>((resolve, reject) => fake.#server.once('error', reject).listen(port, host, resolve));
    return fake;
  }

  private constructor({ tls, port, host, now = () => performance.now(), database = new FakeDatabase(now), ...api }: FakeOptions) {
    this.database = database;
    this.database.apps.set('fairlead', { security: 'ssl_token', permission: 2 });
    this.database.apps.set('coded', { security: 'ssl_code', permission: 2, code: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345' });
    this.database.apps.set('open', { security: 'none', permission: 2 });
    this.database.users.set('fairlead', { password: 'secret', disabled: false });
    this.api = new FakeApi(this.database, { ...DEFAULTS, ...api });
    this.#secure = tls !== undefined;
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    this.#server = tls ? createHttpsServer({ cert: tls.certificate, key: tls.key }, listener) : createHttpServer(listener);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As in the settings of a pool. */
  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.port}${this.api.options.base}`;
  }

  /** Does what was still on its way when its client gave up. */
  async finishLate(): Promise<void> {
    for (const act of this.#late.splice(0)) await act();
  }

  /** Forgets what has been counted. */
  resetCalls(): void {
    this.calls.clear();
    this.#requests = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await this.#read(incoming);
    if (!request) return;
    const kind = kindOf(request, this.api.options.base);
    this.calls.set(kind, (this.calls.get(kind) ?? 0) + 1);
    this.busiest = Math.max(this.busiest, ++this.#underWay);
    response.once('close', () => this.#underWay--);
    const fault = this.spoil(kind, ++this.#requests, request);
    if (fault) await this.#spoiled(fault, request, response);
    else send(response, await this.api.answer(request));
  }

  async #spoiled({ acts, answer, prepare, delay = 0 }: Fault, request: FakeRequest, response: ServerResponse): Promise<void> {
    prepare?.(this.database);
    if (acts === 'late') this.#late.push(() => this.api.answer(request));
    const real = acts === 'yes' ? await this.api.answer(request) : { status: 500, headers: {}, body: '' };
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (typeof answer === 'function') send(response, answer(real));
    else if (answer === 'hang') this.onHang();
    else if (answer === 'reset') response.socket?.resetAndDestroy();
    else cut(response, real);
  }

  async #read(incoming: IncomingMessage): Promise<FakeRequest | undefined> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    } catch {
      // The client has gone in the middle of its request.
      return undefined;
    }
    const { method = '', url = '', headers, socket } = incoming;
    const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join() : value]));
    const body = Buffer.concat(chunks).toString('utf8');
    return { method, path: url, headers: flat, body, secure: this.#secure, from: socket.remoteAddress ?? '' };
  }
}

function send(response: ServerResponse, { status, headers, body }: FakeAnswer): void {
  response.writeHead(status, headers).end(body);
}

/** Half of an answer that promises more. */
function cut(response: ServerResponse, { status, headers, body }: FakeAnswer): void {
  response.writeHead(status, { ...headers, 'Content-Length': String(body.length + 100) });
  response.write(body.slice(0, body.length / 2), () => response.socket?.destroy());
}

/** Its method, controller and shape: `DELETE addresses/{id}`. */
function kindOf({ method, path }: FakeRequest, base: string): string {
  const [, , ...parts] = (path.slice(base.length).split('?')[0] ?? '').split('/').filter((part) => part !== '');
  const shape = parts.map((part) => (/^\d+$/.test(part) ? '{id}' : /[.:]/.test(part) ? '{ip}' : part));
  return `${method} ${shape.join('/')}`;
}
