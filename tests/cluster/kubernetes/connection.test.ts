import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type ApiClient, ApiError, type WatchEvent } from '../../../src/cluster/api-client.ts';
import { ManualClock } from '../../agent/clock.ts';
import { Running } from '../../lab/process.ts';
import { TcpProxy } from '../../lab/tcp-proxy.ts';
import { answer } from './scripted-server.ts';
import { makeSetting, ROUTES, received, route, type Setting } from './setting.ts';

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const isUnreachable = (error: unknown) => error instanceof ApiError && error.status === 0 && error.reason === 'Unreachable';
const isTimeout = (error: unknown) => error instanceof ApiError && error.status === 0 && error.reason === 'Timeout';

describe('the connection', () => {
  let setting: Setting;
  let proxy: TcpProxy;
  let clock: ManualClock;
  /** Through the proxy, on the manual clock. */
  let client: ApiClient;
  /** Watches that the server keeps open. */
  const watches: ServerHttp2Stream[] = [];

  before(async () => {
    setting = await makeSetting();
  });
  after(() => setting.close());
  beforeEach(async () => {
    const { server } = setting;
    watches.length = 0;
    server.received.length = 0;
    server.script = (stream, { path }) => {
      if (!path.includes('watch=true')) return answer(stream, 200, route('a'));
      watches.push(stream);
      stream.respond({ ':status': 200 });
    };
    proxy = await TcpProxy.open({ host: '127.0.0.1', port: server.port });
    clock = new ManualClock();
    client = setting.client({ clock, endpoint: { server: `https://127.0.0.1:${proxy.port}` } });
  });
  afterEach(async () => {
    await client.close();
    proxy.close();
  });

  const get = () => client.get(ROUTES, { name: 'a' });
  /** A watch that the server has accepted. */
  const watch = async (signal?: AbortSignal): Promise<AsyncIterator<readonly WatchEvent[]>> => {
    const iterator = client.watch(ROUTES, { resourceVersion: '1', ...(signal && { signal }) })[Symbol.asyncIterator]();
    assert.deepEqual(await iterator.next(), { done: false, value: [] });
    return iterator;
  };
  const serverWatch = (i = 0): ServerHttp2Stream => watches[i] ?? assert.fail('no such watch');
  const advance = (milliseconds: number) => clock.advance(milliseconds, () => setImmediate());
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await setImmediate();
  };

  it('is one, for everything, opened when it is wanted', async () => {
    assert.equal(proxy.accepted, 0);
    const several = await Promise.all([get(), get(), watch(), watch(), get()]);
    assert.equal(several.length, 5);
    assert.equal(proxy.accepted, 1);
  });

  it('carries 100 requests at once', async () => {
    await Promise.all(Array.from({ length: 100 }, get));
    assert.equal(proxy.accepted, 1);
    assert.equal(setting.server.received.length, 100);
  });

  it('carries a list of 20 MB beside other requests', async () => {
    const items = Array.from({ length: 2000 }, (_, i) => route(`r${i}`, '1', { spec: { note: 'x'.repeat(10_000) } }));
    setting.server.script = (stream, { path }) =>
      answer(stream, 200, path.endsWith('/a') ? route('a') : { kind: 'StaticRouteList', metadata: { resourceVersion: '1' }, items });
    const [page] = await Promise.all([client.list(ROUTES), get(), get()]);
    assert.equal(page.items.length, 2000);
    assert.deepEqual(page.items[1999], received('r1999', '1', { spec: { note: 'x'.repeat(10_000) } }));
  });

  it('gives every stream a wide window, and a watch that is not read holds back nothing else', async () => {
    const iterator = await watch();
    const event = line('ADDED', route('a', '1', { note: 'x'.repeat(100_000) }));
    const stream = serverWatch();
    let sent = 0;
    const flood = (): void => {
      while (!stream.destroyed) {
        sent += 1;
        if (!stream.write(event)) return;
      }
    };
    stream.on('drain', flood);
    flood();
    assert.ok((stream.session?.state.remoteWindowSize ?? 0) > 100_000_000, 'of the whole connection');
    for (let i = 0; i < 20; i += 1) await get();
    assert.ok(sent > 1_000_000 / event.length, `${sent}`);
    assert.equal((await iterator.next()).value?.[0]?.type, 'ADDED');
  });

  it('is left by its watches within five seconds after GOAWAY, so that a server which stops does not wait for them', async () => {
    const iterator = await watch();
    serverWatch().session?.goaway();
    await get();
    serverWatch().write(line('ADDED', route('b')));
    assert.deepEqual((await iterator.next()).value, [{ type: 'ADDED', object: received('b') }]);
    const next = iterator.next();
    await advance(5_000);
    assert.equal((await next).done, true);
    await until(() => proxy.connections === 1);
    assert.equal(proxy.accepted, 2);
  });

  it('is left by a watch that was answered after GOAWAY, too', async () => {
    setting.server.script = (stream) => {
      stream.session?.goaway();
      stream.session?.ping(() => stream.respond({ ':status': 200 }));
    };
    const iterator = await watch();
    const next = iterator.next();
    await advance(5_000);
    assert.equal((await next).done, true);
    await until(() => proxy.connections === 0);
  });

  it('is drained after GOAWAY: a watch goes on, new requests take a new one', async () => {
    const iterator = await watch();
    const { session } = serverWatch();
    session?.goaway();
    await new Promise<unknown>((resolve) => session?.ping(resolve));
    await get();
    assert.equal(proxy.accepted, 2);
    serverWatch().write(line('ADDED', route('b')));
    assert.deepEqual((await iterator.next()).value, [{ type: 'ADDED', object: received('b') }]);
    serverWatch().end();
    assert.equal((await iterator.next()).done, true);
    await until(() => proxy.connections === 1);
    await get();
    assert.equal(proxy.accepted, 2);
  });

  it('is drained after GOAWAY: a list is completed', async () => {
    setting.server.script = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('{"kind":"StaticRouteList","metadata":{"resourceVersion":"1"},');
      stream.session?.goaway();
      stream.session?.ping(() => stream.end('"items":[]}'));
    };
    assert.deepEqual(await client.list(ROUTES), { items: [], resourceVersion: '1' });
    assert.deepEqual(await client.list(ROUTES), { items: [], resourceVersion: '1' });
    assert.equal(proxy.accepted, 2);
  });

  it('sends a request again that GOAWAY says was not looked at', async () => {
    await get();
    setting.server.script = (stream) => {
      if (setting.server.received.length === 2) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
      else answer(stream, 200, route('a'));
    };
    assert.deepEqual(await get(), received('a'));
    assert.equal(setting.server.received.length, 3);
    assert.equal(proxy.accepted, 2);
  });

  it('sends a request again that was refused unseen, but not for ever', async () => {
    setting.server.script = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    await assert.rejects(get(), isUnreachable);
    assert.equal(setting.server.received.length, 3);
  });

  it('does not send a request again that may have been looked at', async () => {
    setting.server.script = (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    await assert.rejects(get(), isUnreachable);
    setting.server.script = (stream) => stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    await assert.rejects(get(), isUnreachable);
    assert.equal(setting.server.received.length, 2);
  });

  it('is dead when a PING stays unanswered for 15 s, and the next request opens another', async () => {
    const iterator = await watch();
    const next = iterator.next();
    const failed = assert.rejects(next, (error) => isUnreachable(error) && /has not answered a PING for 15 s/.test(String(error)));
    proxy.stall();
    await advance(44_999);
    assert.equal(proxy.accepted, 1);
    proxy.pass();
    await advance(1);
    await failed;
    assert.deepEqual(await get(), received('a'));
    assert.equal(proxy.accepted, 2);
  });

  it('lives as long as PINGs are answered, also without events', async () => {
    await watch();
    const session = serverWatch().session;
    for (let i = 0; i < 4; i += 1) {
      const pinged = new Promise((resolve) => session?.once('ping', resolve));
      await advance(30_000);
      await pinged;
      await get();
    }
    assert.equal(proxy.accepted, 1);
  });

  it('is not waited for longer than 5 s', async () => {
    proxy.stall();
    const failed = assert.rejects(get(), (error) => isTimeout(error) && /has not completed a connection within 5 s/.test(String(error)));
    await until(() => proxy.accepted === 1);
    await advance(5000);
    await failed;
    proxy.pass();
    assert.deepEqual(await get(), received('a'));
  });

  it('does not wait for headers longer than 30 s', async () => {
    setting.server.script = () => {};
    const failed = assert.rejects(get(), (error) => isTimeout(error) && /has sent nothing for 30 s/.test(String(error)));
    await until(() => setting.server.received.length === 1);
    await advance(29_999);
    await advance(1);
    await failed;
  });

  it('does not wait for the rest of an answer longer than 30 s, and cancels it', async () => {
    let rst: number | undefined;
    let arrived = false;
    setting.server.script = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('{"metadata"');
      stream.session?.ping(() => {
        arrived = true;
      });
      stream.once('close', () => {
        rst = stream.rstCode;
      });
    };
    const failed = assert.rejects(get(), isTimeout);
    await until(() => arrived);
    await advance(30_000);
    await failed;
    await until(() => rst !== undefined);
    assert.equal(rst, constants.NGHTTP2_CANCEL);
  });

  it('does not wait for a watch longer than two and a half bookmarks', async () => {
    const iterator = await watch();
    const next = iterator.next();
    serverWatch().write(line('BOOKMARK', { metadata: { resourceVersion: '2' } }));
    assert.deepEqual(await next, { done: false, value: [{ type: 'BOOKMARK', resourceVersion: '2' }] });
    const failed = assert.rejects(iterator.next(), (error) => isTimeout(error) && /has sent nothing for 150 s/.test(String(error)));
    for (let i = 0; i < 5; i += 1) {
      await advance(30_000);
      if (i < 4) await get();
    }
    await failed;
  });

  it('asks for a watch with bookmarks that ends after 5 to 10 minutes', async () => {
    await watch();
    const parameters = new URLSearchParams(setting.server.received[0]?.path.split('?')[1]);
    const { timeoutSeconds, ...others } = Object.fromEntries(parameters);
    assert.deepEqual(others, { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '1' });
    assert.ok(Number(timeoutSeconds) >= 300 && Number(timeoutSeconds) <= 600);
  });

  it('fails what is under way when it is cut, and is opened again', async () => {
    const iterator = await watch();
    const next = assert.rejects(iterator.next(), isUnreachable);
    proxy.cut();
    await next;
    assert.deepEqual(await get(), received('a'));
    assert.equal(proxy.accepted, 2);
  });

  it('breaks off a watch that is cut in the middle of a line', async () => {
    const iterator = await watch();
    proxy.truncate(200);
    serverWatch().write(line('DELETED', route('a', '1', { note: 'x'.repeat(1000) })));
    await assert.rejects(iterator.next(), isUnreachable);
  });

  it('takes no part of a list for the whole', async () => {
    const items = Array.from({ length: 50 }, (_, i) => route(`r${i}`));
    setting.server.script = (stream) => answer(stream, 200, { kind: 'StaticRouteList', metadata: { resourceVersion: '1' }, items });
    await client.list(ROUTES);
    for (const bytes of [1, 100, 1000, 5000]) {
      proxy.truncate(bytes);
      await assert.rejects(client.list(ROUTES), isUnreachable);
      proxy.pass();
    }
    assert.equal((await client.list(ROUTES)).items.length, 50);
  });

  it('says so when nothing listens, and is used as soon as something does', async () => {
    proxy.refuse();
    const refused = (error: unknown) =>
      isUnreachable(error) && /^ApiError: cannot get staticroutes a: nothing listens at https/.test(String(error));
    await Promise.all([get(), get()].map((asked) => assert.rejects(asked, refused)));
    await proxy.accept();
    assert.deepEqual(await get(), received('a'));
  });

  it('cancels at once what is aborted, and goes on with the rest', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const kept = await watch();
    const iterator = await watch(controller.signal);
    const next = assert.rejects(iterator.next(), reason);
    const closed = new Promise((resolve) => serverWatch(1).once('close', () => resolve(serverWatch(1).rstCode)));
    controller.abort(reason);
    await next;
    assert.equal(await closed, constants.NGHTTP2_CANCEL);
    serverWatch(0).write(line('ADDED', route('b')));
    assert.equal((await kept.next()).value?.length, 1);
  });

  it('cancels a watch that is left', async () => {
    const iterator = await watch();
    const closed = new Promise((resolve) => serverWatch().once('close', () => resolve(serverWatch().rstCode)));
    await iterator.return?.();
    assert.equal(await closed, constants.NGHTTP2_CANCEL);
  });

  it('lets an abort end the waiting for a connection, for headers and for a body', async () => {
    const reason = new Error('enough');
    proxy.stall();
    const connecting = new AbortController();
    const first = assert.rejects(client.get(ROUTES, { name: 'a' }, connecting.signal), reason);
    await until(() => proxy.accepted === 1);
    connecting.abort(reason);
    await first;
    proxy.pass();

    const heading = new AbortController();
    setting.server.script = () => heading.abort(reason);
    await assert.rejects(client.get(ROUTES, { name: 'a' }, heading.signal), reason);

    const reading = new AbortController();
    setting.server.script = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('{');
      stream.session?.ping(() => reading.abort(reason));
    };
    await assert.rejects(client.get(ROUTES, { name: 'a' }, reading.signal), reason);
  });

  it('is gone after close, and whatever waited fails', async () => {
    setting.server.script = () => {};
    const waiting = assert.rejects(get(), (error) => isUnreachable(error) && /was closed here/.test(String(error)));
    await until(() => setting.server.received.length === 1);
    await client.close();
    await waiting;
    await until(() => proxy.connections === 0);
    await assert.rejects(get(), isUnreachable);
    assert.equal(proxy.accepted, 1);
    await client.close();
  });

  it('is given up by close while it is being opened', async () => {
    proxy.stall();
    const waiting = assert.rejects(get(), isUnreachable);
    await until(() => proxy.accepted === 1);
    await client.close();
    await waiting;
    proxy.pass();
    await until(() => proxy.connections === 0);
  });

  it('keeps no process alive after close', async () => {
    const client = join(import.meta.dirname, '../../../src/cluster/kubernetes/client.ts');
    const program = `
      import { openKubernetes } from ${JSON.stringify(client)};
      const [server, ca] = process.argv.slice(1);
      const endpoint = { server, certificateAuthority: { text: ca }, origin: 'test' };
      const client = openKubernetes({ endpoint, user: {} }, { version: '1', role: 'test' });
      const type = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
      const watch = client.watch(type, { resourceVersion: '1' })[Symbol.asyncIterator]();
      await watch.next();
      watch.next().catch(() => console.log('broken off'));
      await client.close();
      process.on('exit', () => console.log('ends'));`;
    const child = new Running(process.execPath, ['--input-type=module', '-e', program, setting.server.url, setting.authority.certificate]);
    const { stdout, stderr, code } = await child.ended;
    assert.deepEqual({ stdout, stderr, code }, { stdout: 'broken off\nends\n', stderr: '', code: 0 });
  });
});
