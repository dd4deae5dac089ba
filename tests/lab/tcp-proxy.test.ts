import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TcpProxy } from './tcp-proxy.ts';

describe('TcpProxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  const clients = new Set<Client>();

  beforeEach(async () => {
    // Sends back what it is sent.
    server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address !== 'string');
    proxy = await TcpProxy.open({ host: '127.0.0.1', port: address.port });
  });

  afterEach(async () => {
    for (const client of clients) client.socket.destroy();
    clients.clear();
    proxy.close();
    server.close();
  });

  const dial = async (): Promise<Client> => {
    const client = new Client(connect(proxy.port, proxy.host));
    clients.add(client);
    await once(client.socket, 'connect');
    return client;
  };

  it('passes both ways', async () => {
    const client = await dial();
    client.socket.write('hello');
    await client.received('hello');
    assert.equal(proxy.connections, 1);
    assert.equal(proxy.accepted, 1);
  });

  it('passes the end', async () => {
    const client = await dial();
    client.socket.end('last');
    await client.received('last');
    await client.closed;
    assert.equal(client.code, undefined);
  });

  it('holds bytes back while stalled, and delivers them afterwards', async () => {
    const client = await dial();
    client.socket.write('a');
    await client.received('a');
    proxy.stall('answers');
    client.socket.write('b');
    const other = await dial();
    other.socket.write('c');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(client.text, 'a');
    assert.equal(other.text, '');
    proxy.pass();
    await client.received('ab');
    await other.received('c');
  });

  it('ends a connection after so many bytes', async () => {
    const client = await dial();
    proxy.truncate(3);
    client.socket.write('abcdef');
    await client.closed;
    assert.equal(client.text, 'abc');
    proxy.pass();
    const next = await dial();
    next.socket.write('abcdef');
    await next.received('abcdef');
  });

  it('delivers everything, in order, when slow', async () => {
    const client = await dial();
    proxy.slow(20_000);
    const text = Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join('');
    client.socket.write(text);
    await client.received(text);
  });

  it('cuts what is open, also while stalled, and takes new connections', async () => {
    const client = await dial();
    client.socket.write('a');
    await client.received('a');
    proxy.stall();
    client.socket.write('b');
    proxy.cut();
    await client.closed;
    assert.equal(client.code, 'ECONNRESET');
    proxy.pass();
    const next = await dial();
    next.socket.write('c');
    await next.received('c');
  });

  it('refuses new connections, and takes them again on the same port', async () => {
    const client = await dial();
    const { port } = proxy;
    proxy.refuse();
    await assert.rejects(dial(), { code: 'ECONNREFUSED' });
    client.socket.write('still open');
    await client.received('still open');
    await proxy.accept();
    assert.equal(proxy.port, port);
    await dial();
  });
});

/** What a connection received, and how it ended. */
class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text = '';
  code: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.code = error.code;
    });
  }

  async received(text: string): Promise<void> {
    while (this.text !== text) {
      if (this.text.length > text.length || this.socket.destroyed) assert.equal(this.text, text);
      await new Promise((resolve) => this.socket.once('data', resolve).once('close', resolve));
    }
  }
}
