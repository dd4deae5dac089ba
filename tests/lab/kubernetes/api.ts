import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** An object of the API, as far as every object is alike. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly generation?: number;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** The server's refusal. */
export class ApiRefused extends Error {
  override readonly name = 'ApiRefused';
  readonly code: number;
  readonly reason: string;

  constructor(request: string, code: number, body: string) {
    const status = parseStatus(body);
    super(`${request}: ${code} ${status.reason ?? ''}: ${status.message ?? body.trim()}`);
    this.code = code;
    this.reason = status.reason ?? '';
  }
}

export interface ApiConnection {
  readonly address: string;
  readonly port: number;
  /** Leads to the server from outside its network namespace. */
  readonly socketPath?: string;
  /** PEM. */
  readonly authority: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

const PATIENCE_MS = 120_000;
const POLL_MS = 20;

/** A plain client for tests: one request, one answer, no retries; paths as `kubectl get --raw` has them. */
export class Api {
  readonly #connection: ApiConnection;
  readonly #agent: Agent;

  constructor(connection: ApiConnection) {
    const { authority, certificate, key } = connection;
    this.#connection = connection;
    this.#agent = new Agent({
      keepAlive: true,
      ca: authority,
      ...(certificate && key ? { cert: certificate, key } : {}),
      servername: 'kubernetes',
    });
  }

  get<T = ApiObject>(path: string): Promise<T> {
    return this.#json('GET', path);
  }

  list<T = ApiObject>(path: string): Promise<readonly T[]> {
    return this.get<{ readonly items: readonly T[] }>(path).then(({ items }) => items);
  }

  post<T = ApiObject>(path: string, body: unknown): Promise<T> {
    return this.#json('POST', path, body);
  }

  put<T = ApiObject>(path: string, body: unknown): Promise<T> {
    return this.#json('PUT', path, body);
  }

  patch<T = ApiObject>(path: string, body: unknown, type: keyof typeof PATCH_TYPES = 'merge'): Promise<T> {
    return this.#json('PATCH', path, body, PATCH_TYPES[type]);
  }

  delete(path: string, options?: unknown): Promise<unknown> {
    return this.#json('DELETE', path, options);
  }

  /** Reads until it satisfies, a 404 included, and answers what did. @throws Error with what was read last */
  async until<T = ApiObject>(path: string, satisfies: (object: T) => boolean): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.get<T>(path).catch((error: unknown) => error as Error);
      if (!(found instanceof Error) && satisfies(found)) return found;
      if (performance.now() > deadline) {
        const last = found instanceof Error ? found.message : JSON.stringify(found, null, 1);
        throw new Error(`GET ${path} never satisfied ${satisfies}: ${last}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** The body of an answer with a status below 300. @throws ApiRefused */
  async raw(method: string, path: string, body?: string, contentType = 'application/json'): Promise<string> {
    const { code, text } = await this.#send(method, path, body, contentType);
    if (code >= 300) throw new ApiRefused(`${method} ${path}`, code, text);
    return text;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #json<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    return JSON.parse(await this.raw(method, path, body === undefined ? undefined : JSON.stringify(body), contentType)) as T;
  }

  #send(method: string, path: string, body: string | undefined, contentType: string): Promise<{ code: number; text: string }> {
    const { address, port, socketPath, token } = this.#connection;
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    return new Promise((resolve, reject) => {
      const place = socketPath === undefined ? { host: address, port } : { socketPath };
      const call = request({ ...place, method, path, headers, agent: this.#agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ code: answer.statusCode ?? 0, text })).on('error', reject);
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}

function parseStatus(body: string): { readonly reason?: string; readonly message?: string } {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
