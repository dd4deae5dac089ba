import { join } from 'node:path';
import type { Host } from './host.ts';
import type { Running } from './process.ts';

export type HttpAnswer = { readonly status: number; readonly body: string } | { readonly error: string };

export interface StreamResult {
  readonly sent: number;
  readonly received: number;
  /** Sequence numbers (from 0, one a millisecond) whose echo never came. */
  readonly lost: readonly number[];
}

/** A stream of datagrams that is under way. */
export interface Stream {
  /** Ends it, waits for late echoes, and answers what was lost. */
  stop(): Promise<StreamResult>;
}

/** Serves `<name> answers <caller's address>` over HTTP until the lab closes; resolves when it listens. */
export async function serveHttp(host: Host, address: string, port: number): Promise<Running> {
  return listening(host, 'http-server', address, `${port}`, host.name);
}

/** One request, over a connection of its own. An answer that does not come within the time is an `error`. */
export async function httpGet(host: Host, address: string, port: number, timeoutMs = 2000): Promise<HttpAnswer> {
  const authority = address.includes(':') ? `[${address}]` : address;
  const output = await host.check(process.execPath, tool('http-get'), `http://${authority}:${port}/`, `${timeoutMs}`);
  return JSON.parse(output) as HttpAnswer;
}

/** Sends datagrams back until the lab closes; resolves when it listens. */
export async function echoUdp(host: Host, address: string, port: number): Promise<Running> {
  return listening(host, 'udp-echo', address, `${port}`);
}

/** Sends a numbered datagram each millisecond to an echo; resolves when the first one is back. @throws CommandFailed */
export async function streamUdp(host: Host, address: string, port: number): Promise<Stream> {
  const child = host.spawn(process.execPath, tool('udp-stream'), address, `${port}`);
  await child.printed(/flowing/);
  return {
    async stop() {
      child.finishInput();
      const { stdout } = await child.ended;
      return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as StreamResult;
    },
  };
}

async function listening(host: Host, name: string, ...args: readonly string[]): Promise<Running> {
  const server = host.spawn(process.execPath, tool(name), ...args);
  await server.printed(/listening/);
  return server;
}

function tool(name: string): string {
  return join(import.meta.dirname, 'tools', `${name}.ts`);
}
