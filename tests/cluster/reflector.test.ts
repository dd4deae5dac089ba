import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WIDGETS, widget } from '../../src/cluster/api-client.contract.ts';
import { type ApiClient, ApiError, type ApiObject, type Page, type WatchEvent } from '../../src/cluster/api-client.ts';
import type { FakeApi } from '../../src/cluster/fake-api.ts';
import { ReflectorStage, settle } from './reflector-stage.ts';

const sized = (name: string, size: number, labels?: Record<string, string>): ReturnType<typeof widget> =>
  widget(name, { spec: { size } }, labels);

function refuse(status: number, reason: string, retryAfter?: number): ApiError {
  return new ApiError(`the server says ${reason}`, { status, reason, ...(retryAfter !== undefined && { retryAfter }) });
}

/** The same client, but for some methods. */
function altered(api: FakeApi, methods: Partial<ApiClient>): ApiClient {
  return new Proxy<ApiClient>(api, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('a reflector', () => {
  it('has what is there, and follows it', async (t) => {
    const stage = new ReflectorStage(t);
    const { api, reflector } = stage;
    api.put(sized('a', 1));
    assert.deepEqual([reflector.synced, reflector.asOf], [false, undefined]);
    await stage.start();
    assert.deepEqual([stage.told, reflector.synced, reflector.trouble], ['a=1', true, undefined]);
    assert.equal(reflector.asOf, '2027-01-01T00:00:00.000Z');
    api.put(sized('b', 2));
    api.put(sized('a', 3));
    await settle();
    api.remove(sized('a', 3));
    await settle();
    assert.deepEqual(stage.heard, ['a=1', 'a=3 b=2', 'b=2']);
  });

  it('keeps the identity of what has not changed, over lists too', async (t) => {
    const stage = new ReflectorStage(t);
    const { api, reflector } = stage;
    api.put(sized('a', 1));
    api.put(sized('b', 1));
    await stage.start();
    const before = reflector.items.get('a');
    api.away();
    api.put(sized('b', 2));
    api.expire();
    api.back();
    await stage.advance(1_000);
    assert.equal(stage.told, 'a=1 b=2');
    assert.equal(reflector.items.get('a'), before);
    assert.equal(stage.count('list'), 2);
  });

  it('keeps to its selection', async (t) => {
    const stage = new ReflectorStage(t, { selection: { fieldSelector: 'metadata.name=a' } });
    stage.api.put(sized('a', 1));
    stage.api.put(sized('b', 1));
    await stage.start();
    stage.api.put(sized('b', 2));
    stage.api.put(sized('a', 2));
    await settle();
    assert.deepEqual(stage.heard, ['a=1', 'a=2']);
  });

  it('reads long lists page by page', async (t) => {
    const stage = new ReflectorStage(t);
    for (let i = 0; i < 1_200; i++) stage.api.put(sized(`w${i}`, i));
    await stage.start();
    assert.equal(stage.reflector.items.size, 1_200);
    assert.equal(stage.count('list'), 3);
  });

  it('goes on from the last version when a watch ends, without a list', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    await stage.start();
    for (let i = 1; i <= 5; i++) {
      await stage.advance(300_000);
      api.put(sized('a', i));
      await settle();
      api.world.endWatches();
      api.put(sized('b', i));
      await settle();
      assert.equal(stage.told, `a=${i} b=${i}`);
    }
    assert.deepEqual([stage.count('list'), stage.count('watch'), stage.reflector.trouble], [1, 6, undefined]);
  });

  it('goes on from a bookmark', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    const other = { ...WIDGETS, plural: 'others', kind: 'Other' };
    api.serve(other);
    await stage.start();
    for (let i = 0; i < 10; i++) api.put({ ...sized(`o${i}`, i), kind: 'Other' });
    api.world.bookmark();
    await stage.advance(60_000);
    assert.equal(stage.reflector.asOf, '2027-01-01T00:00:00.000Z');
    api.world.bookmark();
    await settle();
    assert.equal(stage.reflector.asOf, '2027-01-01T00:01:00.000Z');
    api.expire();
    api.cutWatches();
    await stage.advance(1_000);
    assert.equal(stage.count('list'), 1);
    assert.deepEqual(stage.heard, ['']);
  });

  it('lists again when its version has expired: changed, added, removed', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    api.put(sized('a', 1));
    api.put(sized('b', 1));
    await stage.start();
    api.away();
    api.remove(sized('a', 1));
    api.put(sized('b', 2));
    api.put(sized('c', 1));
    api.expire();
    api.back();
    await stage.advance(1_000);
    assert.deepEqual(stage.heard, ['a=1 b=1', 'b=2 c=1']);
    assert.equal(stage.reflector.trouble, undefined);
  });
});

describe('a reflector without a server', () => {
  it('keeps everything, says so from the second failure on, and is current only with a complete list', async (t) => {
    const stage = new ReflectorStage(t);
    const { api, reflector } = stage;
    api.put(sized('a', 1));
    await stage.start();
    api.away();
    await settle();
    assert.equal(reflector.trouble, undefined);
    await stage.advance(60_000);
    assert.match(reflector.trouble ?? '', /cannot reach the API server https:\/\/fake:6443/);
    assert.deepEqual([stage.told, reflector.synced, reflector.asOf], ['a=1', true, '2027-01-01T00:00:00.000Z']);
    api.put(sized('a', 2));
    api.back();
    await stage.advance(2_500);
    assert.deepEqual([stage.told, reflector.trouble, stage.heard], ['a=2', undefined, ['a=1', 'a=1', 'a=2']]);
  });

  it('is not troubled by a connection that is there again at once', async (t) => {
    const stage = new ReflectorStage(t);
    await stage.start();
    stage.api.cutWatches();
    await stage.advance(1_000);
    assert.deepEqual(stage.heard, ['']);
    assert.equal(stage.count('watch'), 2);
  });

  it('notices that the server is back though nothing has changed', async (t) => {
    const stage = new ReflectorStage(t);
    await stage.start();
    stage.api.away();
    await stage.advance(10_000);
    stage.api.back();
    await stage.advance(2_500);
    assert.equal(stage.reflector.trouble, undefined);
  });

  it('says that it never had anything', async (t) => {
    const stage = new ReflectorStage(t);
    stage.api.away();
    await stage.start();
    assert.match(stage.reflector.trouble ?? '', /cannot reach/);
    assert.deepEqual([stage.reflector.synced, stage.heard], [false, ['']]);
  });

  it('waits longer each time, up to 1.5 s, and never as long as the others', async (t) => {
    const delays = async (random: number): Promise<readonly number[]> => {
      const stage = new ReflectorStage(t, { random: () => random });
      stage.api.away();
      await stage.start();
      return attempts(stage, 10_000);
    };
    assert.deepEqual((await delays(1)).slice(0, 7), [200, 400, 800, 1500, 1500, 1500, 1500]);
    assert.deepEqual((await delays(0)).slice(0, 6), [100, 200, 400, 750, 750, 750]);
  });

  it('asks a server that refuses as often at first, then less and less, up to every 10 s', async (t) => {
    const stage = new ReflectorStage(t, { random: () => 1 });
    stage.api.before = () => {
      throw refuse(500, 'InternalError');
    };
    await stage.start();
    const delays = await attempts(stage, 70_000);
    assert.deepEqual(delays.slice(0, 5), [200, 400, 800, 1500, 1500]);
    assert.deepEqual(delays.slice(18, 24), [1500, 1500, 3000, 6000, 10_000, 10_000]);
  });

  it('is as quick with a server that went away and is starting', async (t) => {
    const stage = new ReflectorStage(t, { random: () => 1 });
    stage.api.away();
    await stage.start();
    await stage.advance(60_000);
    stage.api.back();
    stage.api.before = () => {
      throw refuse(503, 'ServiceUnavailable');
    };
    await stage.advance(10_000);
    stage.api.before = () => {};
    await stage.advance(1_500);
    assert.equal(stage.reflector.synced, true);
  });

  it('heeds Retry-After, within limits', async (t) => {
    const stage = new ReflectorStage(t, { random: () => 0 });
    let asked = 7_000;
    stage.api.before = () => {
      throw refuse(429, 'TooManyRequests', asked);
    };
    await stage.start();
    await stage.advance(6_999);
    assert.equal(stage.count('list'), 1);
    asked = 86_400_000;
    await stage.advance(1);
    assert.equal(stage.count('list'), 2);
    await stage.advance(60_000);
    assert.equal(stage.count('list'), 3);
  });
});

/** Milliseconds between requests, within so many from now. The last one is what was left. */
async function attempts(stage: ReflectorStage, within: number): Promise<readonly number[]> {
  const times = [stage.clock.now()];
  stage.api.calls.length = 0;
  const end = stage.clock.now() + within;
  while (stage.clock.now() < end) {
    const before = stage.api.calls.length;
    await stage.advance(50);
    if (stage.api.calls.length > before) times.push(stage.clock.now());
  }
  return [...times, end].slice(1).map((time, i) => time - (times[i] ?? 0));
}

describe('a reflector that is refused', () => {
  for (const [status, reason, expected] of [
    [401, 'Unauthorized', /Unauthorized/],
    [403, 'Forbidden', /grant the verbs list and watch on widgets\.contract\.fairlead\.dev/],
    [404, 'NotFound', /Widget is not installed/],
  ] as const) {
    it(`tells what ${status} means, and has not synced`, async (t) => {
      const stage = new ReflectorStage(t);
      stage.api.put(sized('a', 1));
      let refused = true;
      stage.api.before = () => {
        if (refused) throw refuse(status, reason);
      };
      await stage.start();
      assert.match(stage.reflector.trouble ?? '', expected);
      assert.equal(stage.reflector.synced, false);
      refused = false;
      await stage.advance(10_000);
      assert.deepEqual([stage.told, stage.reflector.synced, stage.reflector.trouble], ['a=1', true, undefined]);
    });
  }

  it('keeps everything when the type is no longer served, and goes on when it is', async (t) => {
    const stage = new ReflectorStage(t);
    stage.api.put(sized('a', 1));
    await stage.start();
    stage.api.withdraw(WIDGETS);
    await stage.advance(60_000);
    assert.match(stage.reflector.trouble ?? '', /not installed/);
    assert.deepEqual([stage.told, stage.reflector.synced], ['a=1', true]);
    stage.api.serve(WIDGETS);
    stage.api.put(sized('a', 2));
    await stage.advance(10_000);
    assert.deepEqual([stage.told, stage.reflector.trouble], ['a=2', undefined]);
  });

  it('changes nothing while a later page of a list fails', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    for (let i = 0; i < 600; i++) api.put(sized(`w${i}`, i));
    await stage.start();
    const before = stage.told;
    api.away();
    for (let i = 0; i < 600; i++) if (i % 2 === 0) api.remove(sized(`w${i}`, i));
    for (let i = 600; i < 900; i++) api.put(sized(`w${i}`, i));
    api.expire();
    let broken = true;
    api.before = (call) => {
      if (broken && call.continue !== undefined) throw refuse(500, 'InternalError');
    };
    api.back();
    await stage.advance(30_000);
    assert.equal(stage.told, before);
    assert.match(stage.reflector.trouble ?? '', /InternalError/);
    broken = false;
    await stage.advance(10_000);
    assert.equal(stage.reflector.items.size, 600);
    assert.equal(stage.reflector.items.has('w0'), false);
  });

  it('asks for everything at once when the rest of a list expires', async (t) => {
    const stage = new ReflectorStage(t);
    for (let i = 0; i < 600; i++) stage.api.put(sized(`w${i}`, i));
    stage.api.before = (call) => {
      if (call.continue !== undefined) throw refuse(410, 'Expired');
    };
    await stage.start();
    await stage.advance(1_000);
    assert.equal(stage.reflector.items.size, 600);
  });

  it('does not read for ever a list that does not end', async (t) => {
    let pages = 0;
    const list = async (): Promise<Page> => {
      if (++pages > 1_000) throw refuse(500, 'InternalError');
      return { items: [], resourceVersion: '5', continue: 'more' };
    };
    const stage = new ReflectorStage(t, { wrap: (api) => altered(api, { list }) });
    await stage.start();
    assert.equal(pages, 2);
    assert.match(stage.reflector.trouble ?? '', /sends the same page again and again/);
  });

  it('does not ask in a tight loop a server whose watches expire or end at once', async (t) => {
    for (const end of [
      () => {
        throw refuse(410, 'Gone');
      },
      () => {},
    ]) {
      const watch = async function* (): AsyncGenerator<readonly WatchEvent[]> {
        end();
        yield [];
      };
      const stage = new ReflectorStage(t, { wrap: (api) => altered(api, { watch }) });
      await stage.start();
      await stage.advance(60_000);
      assert.ok(stage.count('list') < 40, `${stage.count('list')} lists in a minute`);
    }
  });

  it('lists again when a server refuses its version in other words', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    await stage.start();
    let refused = true;
    api.before = ({ verb }) => {
      if (refused && verb === 'watch') throw refuse(400, 'BadRequest');
    };
    api.cutWatches();
    await stage.advance(3_000);
    assert.equal(stage.count('list'), 2);
    refused = false;
    api.put(sized('a', 1));
    await stage.advance(10_000);
    assert.equal(stage.told, 'a=1');
  });
});

describe('a reflector and versions that go back', () => {
  it('does not take over an older state until it is told for ten seconds', async (t) => {
    const stage = new ReflectorStage(t);
    const { api, reflector } = stage;
    api.put(sized('a', 1));
    const backup = api.world.backup();
    api.put(sized('b', 1));
    api.put(sized('a', 2));
    await stage.start();
    api.world.restore(backup);
    await stage.advance(9_000);
    assert.equal(stage.told, 'a=2 b=1');
    assert.match(reflector.trouble ?? '', /older than the one already seen/);
    await stage.advance(20_000);
    assert.deepEqual([stage.told, reflector.trouble], ['a=1', undefined]);
    assert.match(stage.warnings.join(), /was etcd restored from a backup\?$/);
    api.put(sized('c', 1));
    await settle();
    assert.equal(stage.told, 'a=1 c=1');
  });

  it('never takes over the state of a server that lags for a while', async (t) => {
    const old = new Map<string, Page>();
    let lagging = true;
    const stage = new ReflectorStage(t, {
      wrap: (api) =>
        altered(api, {
          list: async (type, options) => {
            const page = await api.list(type, options);
            const first = old.get('list') ?? page;
            old.set('list', first);
            return lagging ? first : page;
          },
        }),
    });
    const { api } = stage;
    api.put(sized('a', 1));
    await stage.start();
    api.put(sized('b', 1));
    await settle();
    api.remove(sized('a', 1));
    await settle();
    api.away();
    api.expire();
    api.put(sized('c', 1));
    api.expire();
    api.back();
    await stage.advance(5_000);
    assert.equal(stage.told, 'b=1');
    assert.match(stage.reflector.trouble ?? '', /older/);
    lagging = false;
    await stage.advance(10_000);
    assert.equal(stage.told, 'b=1 c=1');
    assert.deepEqual([...new Set(stage.heard)], ['a=1', 'a=1 b=1', 'b=1', 'b=1 c=1']);
  });

  it('finds its way back from a version that no server has', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    api.put(sized('a', 1));
    await stage.start();
    const lie = { ...api.put(sized('b', 1)), metadata: { name: 'x', uid: 'x', resourceVersion: '999999' } };
    const events: WatchEvent[] = [{ type: 'BOOKMARK', resourceVersion: lie.metadata.resourceVersion }];
    const watch = api.watch.bind(api);
    let lies = true;
    api.watch = async function* (type, options) {
      if (lies) yield events;
      lies = false;
      yield* watch(type, options);
    };
    api.cutWatches();
    await stage.advance(60_000);
    api.put(sized('c', 1));
    await stage.advance(5_000);
    assert.equal(stage.told, 'a=1 b=1');
    await stage.advance(15_000);
    assert.deepEqual([stage.told, stage.reflector.trouble], ['a=1 b=1 c=1', undefined]);
  });

  it('takes no event that is behind, and lists again', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    const first = api.put(sized('a', 1));
    const second = api.put(sized('a', 2));
    api.put(sized('b', 1));
    await stage.start();
    for (const event of [
      { type: 'DELETED', object: first },
      { type: 'MODIFIED', object: second },
      { type: 'ADDED', object: first },
    ] as const) {
      const watch = api.watch;
      api.watch = async function* () {
        api.watch = watch;
        yield [event];
      };
      api.cutWatches();
      const lists = stage.count('list');
      await stage.advance(2_000);
      assert.equal(stage.told, 'a=2 b=1');
      assert.equal(stage.count('list'), lists + 1);
    }
    assert.match(stage.warnings[0] ?? '', /mixes up the watch of widgets.*: DELETED a at version 1001 came after version 1003/);
  });

  it('takes the same event twice as once', async (t) => {
    const stage = new ReflectorStage(t);
    const { api } = stage;
    await stage.start();
    const watch = api.watch;
    api.watch = async function* (type, options) {
      for await (const batch of watch.call(api, type, options)) yield batch.flatMap((event) => [event, event]);
    };
    api.cutWatches();
    await stage.advance(1_000);
    api.put(sized('a', 1));
    await settle();
    api.remove(sized('a', 1));
    await settle();
    assert.deepEqual(stage.heard, ['', 'a=1', '']);
    assert.equal(stage.count('list'), 1);
  });

  it('believes what is newer than the list that it came with', async (t) => {
    const stage = new ReflectorStage(t, {
      wrap: (api) => altered(api, { list: async (type, options) => ({ ...(await api.list(type, options)), resourceVersion: '1001' }) }),
    });
    const { api } = stage;
    api.put(sized('a', 1));
    api.put(sized('b', 1));
    api.put(sized('b', 2));
    await stage.start();
    assert.deepEqual([...new Set(stage.heard)], ['a=1 b=2']);
  });
});

describe('a reflector and bugs', () => {
  it('goes on when a listener throws', async (t) => {
    const stage = new ReflectorStage(t);
    const bug = new Error('a bug');
    const unsubscribe = stage.reflector.watch(() => {
      throw bug;
    });
    const late: string[] = [];
    stage.reflector.watch(() => late.push(stage.told));
    await stage.start();
    stage.api.put(sized('a', 1));
    await settle();
    unsubscribe();
    stage.api.put(sized('a', 2));
    await settle();
    assert.deepEqual(
      [late, stage.bugs],
      [
        ['', 'a=1', 'a=2'],
        [bug, bug],
      ],
    );
  });

  it('loses nothing when the conversion throws', async (t) => {
    const bug = new Error('a bug');
    const convert = (object: ApiObject): unknown => {
      const { size } = object['spec'] as { readonly size: number };
      if (size === 13) throw bug;
      return size;
    };
    const stage = new ReflectorStage(t, { convert });
    stage.api.put(sized('a', 1));
    await stage.start();
    stage.api.put(sized('a', 13));
    await settle();
    assert.deepEqual([stage.told, stage.bugs], ['a=1', [bug]]);
  });
});

describe('closing a reflector', () => {
  const moments: Readonly<Record<string, (stage: ReflectorStage) => Promise<void>>> = {
    'before the start': async () => {},
    'during a list': async (stage) => {
      stage.api.before = () => new Promise(() => {});
      await stage.start();
    },
    'during a watch': (stage) => stage.start(),
    'while a watch is being opened': async (stage) => {
      stage.api.before = ({ verb }) => (verb === 'watch' ? new Promise(() => {}) : undefined);
      await stage.start();
    },
    'while it waits to try again': async (stage) => {
      stage.api.away();
      await stage.start();
    },
  };
  for (const [when, prepare] of Object.entries(moments)) {
    it(`leaves nothing behind ${when}`, async (t) => {
      const stage = new ReflectorStage(t);
      await prepare(stage);
      const heard = stage.heard.length;
      await stage.close();
      stage.api.back();
      stage.api.put(sized('a', 1));
      await stage.advance(60_000);
      assert.equal(stage.heard.length, heard);
      assert.equal(stage.reflector.items.size, 0);
    });
  }

  it('asks once though it is started twice', async (t) => {
    const stage = new ReflectorStage(t);
    stage.reflector.start();
    await stage.start();
    assert.deepEqual([stage.count('list'), stage.count('watch')], [1, 1]);
  });
});
