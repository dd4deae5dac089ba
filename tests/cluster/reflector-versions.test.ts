import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page, WatchEvent } from '../../src/cluster/api-client.ts';
import { altered, ReflectorStage, settle, sized } from './reflector-stage.ts';

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
