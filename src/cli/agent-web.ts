import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Telling } from '../agent/agent.ts';
import { AgentMetrics } from '../agent/metrics.ts';
import { errnoOf } from '../runtime/atomic-file.ts';
import { CommandFailed } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';

export interface AgentWeb {
  observe(telling: Telling): void;
  /** Whose end this agent waits for; undefined: nobody's any more. */
  waitFor(holder: string | undefined): void;
  close(): Promise<void>;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Options {
  readonly version: string;
  readonly log: Log;
}

/** The agent that had the lock may have had the address, too, and lets go of it a moment later. */
const HANDOVER_MS = 2_000;
const RETRY_MS = 20;

/**
 * `/metrics` (Prometheus), `/healthz` (the process answers), `/readyz` (a first round has been done: 503 before that).
 * An address that is taken is tried again for `patience` milliseconds.
 * @throws CommandFailed when the address cannot be used
 */
export async function serve(address: Address, options: Options, patience: number = HANDOVER_MS): Promise<AgentWeb> {
  for (let waited = 0; ; waited += RETRY_MS) {
    const page = new Page(options.version);
    try {
      return await page.open(address, options.log);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE' || waited >= patience) throw unusable(address, error);
    }
    await sleep(RETRY_MS);
  }
}

/** The same, or undefined when the address is taken: perhaps by the agent that this one will take over from. @throws CommandFailed */
export async function serveIfFree(address: Address, options: Options): Promise<AgentWeb | undefined> {
  try {
    return await new Page(options.version).open(address, options.log);
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') return undefined;
    throw unusable(address, error);
  }
}

function unusable({ host, port }: Address, error: unknown): CommandFailed {
  return new CommandFailed(`--listen ${host}:${port}: ${error instanceof Error ? error.message : String(error)}: choose another address`);
}

class Page implements AgentWeb {
  readonly #metrics: AgentMetrics;
  readonly #server: Server;
  #holder: string | undefined;
  #ready = false;

  constructor(version: string) {
    this.#metrics = new AgentMetrics(version);
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  open({ host, port }: Address, log: Log): Promise<AgentWeb> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        const bound = this.#server.address() as AddressInfo;
        log.info(`metrics and health on http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}/metrics`);
        resolve(this);
      });
    });
  }

  observe(telling: Telling): void {
    this.#ready = true;
    this.#metrics.observe(telling);
  }

  waitFor(holder: string | undefined): void {
    this.#holder = holder;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()).closeAllConnections());
  }

  async #answer({ method = 'GET', url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = url.split('?');
    const unready = this.#unready();
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end('only GET and HEAD are answered\n');
    } else if (path === '/metrics') {
      // Zeros would look like an agent that has lost everything.
      if (this.#holder !== undefined) response.writeHead(503).end(unready);
      else response.setHeader('content-type', this.#metrics.contentType).end(await this.#metrics.text());
    } else if (path === '/healthz') {
      response.end('ok\n');
    } else if (path === '/readyz') {
      response.writeHead(unready === undefined ? 200 : 503).end(unready ?? 'ok\n');
    } else {
      response.writeHead(404).end('not found: there are /metrics, /healthz and /readyz\n');
    }
  }

  #unready(): string | undefined {
    if (this.#holder !== undefined) return `not ready: waiting for ${this.#holder} to end\n`;
    return this.#ready ? undefined : 'not ready: no round has been done yet\n';
  }
}
