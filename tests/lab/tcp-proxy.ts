import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `answers`: what the server sends. `requests`: what the client sends. */
export type Direction = 'answers' | 'requests';

const SLOW_STEP_MILLISECONDS = 20;

/** A TCP proxy that a test makes faulty. Every change of mode concerns the connections that are open and those to come. */
export class TcpProxy {
  readonly host: string;
  readonly #target: Target;
  readonly #connections = new Set<Connection>();
  readonly #stalled = new Set<Direction>();
  readonly #waiting = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;
  #allowance = Number.POSITIVE_INFINITY;
  #bytesPerSecond = Number.POSITIVE_INFINITY;

  /** Listens on a free port of `host`, and passes. */
  static async open(target: Target, host = '127.0.0.1'): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, host);
    await proxy.accept();
    return proxy;
  }

  private constructor(target: Target, host: string) {
    this.#target = target;
    this.host = host;
  }

  /** Stays the same after `refuse` and `accept`. */
  get port(): number {
    return this.#port;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Connections that were ever accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Ends every fault. Bytes that were held by `stall` go on. */
  pass(): void {
    this.#stalled.clear();
    this.#allowance = Number.POSITIVE_INFINITY;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  /** Connections stay open, and no byte moves in this direction (by default: in neither) until `pass`. New ones are still accepted. */
  stall(...directions: readonly Direction[]): void {
    for (const direction of directions.length === 0 ? (['answers', 'requests'] as const) : directions) this.#stalled.add(direction);
  }

  /** After so many more bytes of answers, each connection ends: in the middle of whatever is being sent. */
  truncate(bytes: number): void {
    this.#allowance = bytes;
    for (const connection of this.#connections) connection.left = bytes;
  }

  /** Answers arrive at this pace. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resets every connection that is open (RST). New ones are accepted. */
  cut(): void {
    for (const { client, server } of this.#connections) {
      for (const socket of [client, server]) reset(socket);
    }
    this.#wake();
  }

  /** New connections are refused, as if nothing listened; those that are open stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Takes new connections again after `refuse`, on the same port. */
  async accept(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#serve(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.#port, this.host, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    this.#port = address.port;
    this.#server = server;
  }

  /** Refuses new connections and cuts the open ones. */
  close(): void {
    this.refuse();
    this.cut();
  }

  #serve(client: Socket): void {
    this.#accepted += 1;
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const connection: Connection = { client, server, left: this.#allowance };
    this.#connections.add(connection);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.once('close', () => {
        client.destroy();
        server.destroy();
        this.#connections.delete(connection);
        this.#wake();
      });
    }
    void this.#pump(client, server, 'requests', connection);
    void this.#pump(server, client, 'answers', connection);
  }

  async #pump(from: Socket, to: Socket, direction: Direction, connection: Connection): Promise<void> {
    try {
      for await (const chunk of from) await this.#forward(chunk as Buffer, to, direction, connection);
      await this.#passing(direction, connection);
      to.end();
    } catch {
      to.destroy();
    }
  }

  async #forward(chunk: Buffer, to: Socket, direction: Direction, connection: Connection): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      await this.#passing(direction, connection);
      const pace = direction === 'answers' ? this.#bytesPerSecond : Number.POSITIVE_INFINITY;
      const left = direction === 'answers' ? connection.left : Number.POSITIVE_INFINITY;
      const size = Math.min(rest.length, left, Math.max(1, Math.floor((pace * SLOW_STEP_MILLISECONDS) / 1000)));
      await written(to, rest.subarray(0, size));
      if (direction === 'answers') connection.left -= size;
      if (connection.left <= 0) return void to.end(() => to.destroy());
      rest = rest.subarray(size);
      if (Number.isFinite(pace)) await sleep(SLOW_STEP_MILLISECONDS);
    }
  }

  async #passing(direction: Direction, { client, server }: Connection): Promise<void> {
    while (this.#stalled.has(direction) && !client.destroyed && !server.destroyed) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes of answers until it is truncated. */
  left: number;
}

/** A socket whose end is being sent cannot be reset: Node would then spin for ever when the process ends. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Resolves when the kernel has taken the bytes, so that nothing piles up here. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())));
}
