import { addressesController } from './addresses-controller.ts';
import type { Call } from './call.ts';
import type { FakeApp, FakeDatabase, Version } from './database.ts';
import { subnetsController } from './subnets-controller.ts';
import { tokenOf, userController } from './user-controller.ts';
import { type FakeAnswer, type FakeRequest, No, PhpEnds, page, type Result, refusalAnswer, SILENCE, toAnswer } from './wire.ts';

export interface ApiOptions {
  version: Version;
  /** Which web server is in front: each has its ways. */
  server: 'nginx' | 'apache';
  /** Apache with PHP-FPM hands the header Authorization on only when it is told to. */
  passesAuthorization: boolean;
  /** `$api_allow_unsafe` of config.php. */
  allowUnsafe: boolean;
  /** `$api_stringify_results`. */
  stringify: boolean;
  /** Where phpIPAM is, without a slash at the end. */
  base: string;
  listLimit: number;
  /** Who else holds the lock for writes, of 1.8. */
  lockTrouble: 'none' | 'held' | 'unwritable';
  /** Between looking and writing. */
  pause: () => Promise<void>;
}

/** An installation as most are. */
export const DEFAULTS: ApiOptions = {
  version: '1.8.2',
  server: 'nginx',
  passesAuthorization: true,
  allowUnsafe: true,
  stringify: false,
  base: '',
  listLimit: 30_000,
  lockTrouble: 'none',
  pause: () => Promise.resolve(),
};

const LARGEST_BODY = 1 << 20;
const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** The API of phpIPAM, with the web server before it. */
export class FakeApi {
  readonly options: ApiOptions;
  readonly #database: FakeDatabase;
  /** The turn of the last who has asked for the lock. */
  #lock: Promise<unknown> = Promise.resolve();

  constructor(database: FakeDatabase, options: ApiOptions) {
    this.#database = database;
    this.options = options;
  }

  async answer(request: FakeRequest): Promise<FakeAnswer> {
    const early = this.#webServer(request);
    if (early) return early;
    const stringify = this.options.stringify || request.headers['api-stringify-results'] === '1';
    try {
      if (this.#database.down) throw new PhpEnds();
      return toAnswer(await this.#run(request), stringify);
    } catch (error) {
      if (error instanceof No) return refusalAnswer(error);
      if (error instanceof PhpEnds) return SILENCE;
      throw error;
    }
  }

  /** What does not reach PHP. */
  #webServer({ method, path, body }: FakeRequest): FakeAnswer | undefined {
    const { base, server } = this.options;
    if (method === 'TRACE') return page(405, 'Not Allowed');
    if (Buffer.byteLength(body) > LARGEST_BODY) return page(413, 'Request Entity Too Large');
    if (!path.startsWith(`${base}/api/`)) return page(404, 'Not Found');
    if (server === 'apache' && /%2f/i.test(path.split('?')[0] ?? '')) return page(404, 'Not Found');
    return undefined;
  }

  async #run(request: FakeRequest): Promise<Result> {
    const [appId, controller, ...parts] = partsOf(request.path.slice(`${this.options.base}/api/`.length));
    const app = this.#admit(request, appId);
    const call: Call = {
      request: this.#received(request),
      method: request.method === 'HEAD' ? 'GET' : request.method,
      appId: appId ?? '',
      app,
      controller: controller ?? '',
      id: parts[0],
      id2: parts[1],
      id3: parts[2],
      values: valuesOf(request),
      query: new URLSearchParams(request.path.split('?')[1] ?? ''),
      database: this.#database,
      version: this.options.version,
      pause: this.options.pause,
      listLimit: this.options.listLimit,
    };
    this.#checkType(request);
    if (controller !== 'user') checkToken(call);
    if (controller === undefined) throw new No(400, 'Request is not valid');
    if (WRITES.has(call.method) && controller !== 'user' && app.permission < 2) throw new No(401, 'invalid permissions');
    return WRITES.has(call.method) ? this.#write(call) : dispatch(call);
  }

  #admit({ secure, from, headers }: FakeRequest, appId: string | undefined): FakeApp {
    const app = this.#database.apps.get(appId ?? '');
    if (!this.#database.apiEnabled) throw new No(503, 'API server disabled');
    if (!app) throw new No(400, 'Invalid application id');
    if (this.#database.isBlocked(from)) {
      throw new No(500, 'Your IP has been blocked for 5 minutes because of excessive login failures');
    }
    if (app.permission === 0 && this.options.version === '1.8.2') throw new No(503, 'Application disabled');
    const unsafe = this.options.allowUnsafe && headers['x-test-unsafe'] !== '0';
    if (app.security === 'none' ? !unsafe : !secure) throw new No(503, 'SSL connection is required for API');
    return app;
  }

  #received(request: FakeRequest): FakeRequest {
    if (this.options.passesAuthorization) return request;
    return { ...request, headers: { ...request.headers, authorization: undefined } };
  }

  /** Behind nginx a request without a type has an empty one. */
  #checkType({ headers }: FakeRequest): void {
    const type = headers['content-type'];
    const { version, server } = this.options;
    if (type === undefined && (version === '1.8.2' || server === 'apache')) return;
    if (type === 'application/json' || type === 'application/x-www-form-urlencoded') return;
    throw new No(415, `Invalid Content type ${type ?? ''}`);
  }

  /** From 1.8 on one lock keeps all writes apart, logins too; before, the first free address of a subnet is looked for under a lock. */
  async #write(call: Call): Promise<Result> {
    const { lock = 'File' } = call.app;
    const locks = this.options.version === '1.8.2' ? lock !== 'Disabled' : call.id === 'first_free';
    if (!locks) return dispatch(call);
    if (this.options.lockTrouble === 'held') {
      const file = 'Cannot obtain lock for /tmp/phpipam_api_lock.txt after';
      throw new No(500, `${lock === 'MySQL' ? 'MySQL wait timeout exceeded after' : file} 1.0007 seconds`, 200);
    }
    if (this.options.lockTrouble === 'unwritable' && lock === 'File') throw new No(500, 'Cannot open file /tmp/phpipam_api_lock.txt', 200);
    const turn = this.#lock.then(() => dispatch(call));
    this.#lock = turn.catch(() => undefined);
    return turn;
  }
}

async function dispatch(call: Call): Promise<Result> {
  if (call.controller === 'user') return userController(call);
  if (call.controller === 'subnets') return subnetsController(call);
  if (call.controller === 'addresses') return addressesController(call);
  throw new No(400, 'Invalid controller');
}

function checkToken(call: Call): void {
  const { app, database } = call;
  const token = tokenOf(call);
  const unauthorized = new No(401, 'Unauthorized');
  if (token === undefined || token === '') throw unauthorized;
  if (app.security === 'ssl_code') {
    if (app.code?.toLowerCase() === token.toLowerCase()) return;
    throw [...database.apps.values()].some(({ code }) => code === token) ? new No(403, 'Invalid token') : unauthorized;
  }
  if (database.tokenState(token) !== 'live') throw unauthorized;
  database.extend(token);
}

/** Parts of a path are decoded, and those that PHP takes for nothing are dropped. */
function partsOf(path: string): string[] {
  const [plain = '', query] = path.split('?');
  // Without a slash before it, the query is taken for the end of the last part.
  const whole = query !== undefined && !plain.endsWith('/') ? path : plain;
  return whole
    .split('/')
    .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    .filter((part) => part !== '' && part !== '0');
}

function valuesOf({ headers, body }: FakeRequest): ReadonlyMap<string, unknown> {
  if (body === '') return new Map();
  if (headers['content-type'] === 'application/x-www-form-urlencoded') return new Map(new URLSearchParams(body));
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new No(400, 'Invalid JSON: Syntax error');
  }
  if (typeof value !== 'object' || value === null) throw new No(400, 'Invalid JSON: No error');
  return new Map(Object.entries(value));
}
