import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page, WatchEvent } from '../../src/cluster/api-client.ts';
import { WIDGETS } from '../../src/cluster/contract/api-widgets.ts';
import { altered, ReflectorStage, refuse, settle, sized } from './reflector-stage.ts';

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
