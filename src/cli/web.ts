import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../runtime/atomic-file.ts';
import { CommandFailed } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What a role shows of itself. */
export interface Exhibit {
  readonly contentType: string;
  metrics(): Promise<string>;
  /** Why `/readyz` says 503; undefined when the role does its work. */
  unready(): string | undefined;
  /** Why `/metrics` says 503: zeros would look like a role that has lost everything. */
  unmeasured?(): string | undefined;
}

/** Who had the address may let go of it a moment later. */
const HANDOVER_MS = 2_000;
const RETRY_MS = 20;

/**
 * `/metrics` (Prometheus), `/healthz` (the process answers), `/readyz`. An address that is taken is tried again for `patience` milliseconds.
 * @throws CommandFailed when the address cannot be used
 */
export async function serveExhibit(address: ListenAddress, exhibit: Exhibit, log: Log, patience: number = HANDOVER_MS): Promise<WebPage> {
  for (let waited = 0; ; waited += RETRY_MS) {
    try {
      return await new WebPage(exhibit).open(address, log);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE' || waited >= patience) throw unusable(address, error);
    }
    await sleep(RETRY_MS);
  }
}

/** The same once; undefined when somebody has the address. @throws CommandFailed when it cannot be used at all */
export async function serveExhibitIfFree(address: ListenAddress, exhibit: Exhibit, log: Log): Promise<WebPage | undefined> {
  try {
    return await new WebPage(exhibit).open(address, log);
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') return undefined;
    throw unusable(address, error);
  }
}

function unusable({ host, port }: ListenAddress, error: unknown): CommandFailed {
  return new CommandFailed(`--listen ${host}:${port}: ${error instanceof Error ? error.message : String(error)}: choose another address`);
}

/** The HTTP server of a role. */
export class WebPage {
  readonly #exhibit: Exhibit;
  readonly #server: Server;

  constructor(exhibit: Exhibit) {
    this.#exhibit = exhibit;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  open({ host, port }: ListenAddress, log: Log): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        const bound = this.#server.address() as AddressInfo;
        log.info(`metrics and health on http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}/metrics`);
        resolve(this);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()).closeAllConnections());
  }

  async #answer({ method = 'GET', url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = url.split('?');
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end('only GET and HEAD are answered\n');
    } else if (path === '/metrics') {
      const why = this.#exhibit.unmeasured?.();
      if (why !== undefined) response.writeHead(503).end(`not ready: ${why}\n`);
      else response.setHeader('content-type', this.#exhibit.contentType).end(await this.#exhibit.metrics());
    } else if (path === '/healthz') {
      response.end('ok\n');
    } else if (path === '/readyz') {
      const why = this.#exhibit.unready();
      response.writeHead(why === undefined ? 200 : 503).end(why === undefined ? 'ok\n' : `not ready: ${why}\n`);
    } else {
      response.writeHead(404).end('not found: there are /metrics, /healthz and /readyz\n');
    }
  }
}
