import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Telling } from '../agent/agent.ts';
import { AgentMetrics } from '../agent/metrics.ts';
import { CommandFailed } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';

export interface AgentWeb {
  observe(telling: Telling): void;
  close(): Promise<void>;
}

/**
 * `/metrics` (Prometheus), `/healthz` (the process answers), `/readyz` (a first round has been done: 503 before that).
 * @throws CommandFailed when the address cannot be used
 */
export async function serve(
  address: { readonly host: string; readonly port: number },
  options: { readonly version: string; readonly log: Log },
): Promise<AgentWeb> {
  const metrics = new AgentMetrics(options.version);
  let ready = false;
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', response, metrics, ready);
  });
  await listen(server, address);
  const bound = server.address() as AddressInfo;
  options.log.info(`metrics and health on http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}/metrics`);
  return {
    observe(telling) {
      ready = true;
      metrics.observe(telling);
    },
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

async function answer(url: string, response: ServerResponse, metrics: AgentMetrics, ready: boolean): Promise<void> {
  const [path] = url.split('?');
  if (path === '/metrics') {
    response.setHeader('content-type', metrics.contentType).end(await metrics.text());
  } else if (path === '/healthz') {
    response.end('ok\n');
  } else if (path === '/readyz') {
    response.writeHead(ready ? 200 : 503).end(ready ? 'ok\n' : 'not ready: no round has been done yet\n');
  } else {
    response.writeHead(404).end('not found: there are /metrics, /healthz and /readyz\n');
  }
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new CommandFailed(`--listen ${host}:${port}: ${error.message}: choose another address`)));
    server.listen(port, host, resolve);
  });
}
