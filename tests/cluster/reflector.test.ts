import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import { WIDGETS } from '../../src/cluster/contract/api-widgets.ts';
import { ReflectorStage, settle, sized } from './reflector-stage.ts';

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
