import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeApiClient } from '../../src/cluster/api-client.contract.ts';
import { ApiError, isGone, isNotFound, type WatchEvent } from '../../src/cluster/api-client.ts';
import { CONFIG_MAPS, WIDGETS, widget } from '../../src/cluster/contract/api-widgets.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';

function start(): FakeApi {
  const api = new FakeApi();
  api.serve(WIDGETS, { listKeys: { 'status.conditions': 'type' } });
  api.serve(CONFIG_MAPS);
  return api;
}

describeApiClient('the fake API', async () => {
  const client = start();
  return {
    client,
    elsewhere: new FakeApi(client.world),
    away: async () => client.away(),
    back: async () => client.back(),
    expire: async () => client.expire(),
    dispose: () => client.close(),
  };
});

/** The batches of a watch until it has ended. */
async function drain(watch: AsyncIterable<readonly WatchEvent[]>): Promise<readonly (readonly WatchEvent[])[]> {
  const batches: (readonly WatchEvent[])[] = [];
  for await (const batch of watch) batches.push(batch);
  return batches;
}

describe('the fake API', () => {
  it('puts what happens at once into one batch, sends bookmarks, and ends watches', async () => {
    const api = start();
    const batches = drain(api.watch(WIDGETS, { resourceVersion: api.world.version }));
    await new Promise(setImmediate);
    api.put(widget('a'));
    api.put(widget('b'));
    api.world.bookmark();
    await new Promise(setImmediate);
    api.world.endWatches();
    assert.deepEqual(
      (await batches).map((batch) => batch.map(({ type }) => type)),
      [[], ['ADDED', 'ADDED', 'BOOKMARK']],
    );
    assert.equal(api.world.openWatches, 0);
  });

  it('leaves no watch behind, however it is left', async () => {
    const api = start();
    const { version } = api.world;
    for await (const _ of api.watch(WIDGETS, { resourceVersion: version })) break;
    const signal = AbortSignal.timeout(1);
    await assert.rejects(drain(api.watch(WIDGETS, { resourceVersion: version, signal })));
    const cut = drain(api.watch(WIDGETS, { resourceVersion: version }));
    setImmediate(() => api.cutWatches());
    await assert.rejects(cut, (error) => error instanceof ApiError && error.status === 0);
    assert.equal(api.world.openWatches, 0);
  });

  it('withdraws a type, and serves it again with its objects', async () => {
    const api = start();
    api.put(widget('a'));
    api.withdraw(WIDGETS);
    await assert.rejects(api.list(WIDGETS), isNotFound);
    api.serve(WIDGETS);
    assert.equal((await api.list(WIDGETS)).items.length, 1);
  });

  it('counts writes, and lets a test refuse a request', async () => {
    const api = start();
    api.before = ({ verb }) => {
      if (verb === 'apply') throw new ApiError('no', { status: 403, reason: 'Forbidden' });
    };
    await api.create(WIDGETS, widget('a'));
    const status = widget('a', { status: {} });
    await assert.rejects(api.apply(WIDGETS, status, { fieldManager: 'm', subresource: 'status' }), ApiError);
    assert.deepEqual(Object.fromEntries(api.writes), { 'create widgets': 1, 'apply widgets/status': 1 });
  });

  it('lets a test lose the answer of what was done', async () => {
    const api = start();
    api.after = ({ verb }) => {
      if (verb === 'create') throw new ApiError('no answer', { status: 0, reason: 'Timeout' });
    };
    await assert.rejects(api.create(WIDGETS, widget('a')), ApiError);
    assert.equal((await api.list(WIDGETS)).items.length, 1);
  });

  it('lets one client be cut off while another works', async () => {
    const one = start();
    const other = new FakeApi(one.world);
    one.away();
    await other.create(WIDGETS, widget('a'));
    await assert.rejects(one.list(WIDGETS), ApiError);
  });

  it('gives versions out again after it was restored from a backup', async () => {
    const api = start();
    api.put(widget('a'));
    const backup = api.world.backup();
    const lost = api.put(widget('b'));
    api.world.restore(backup);
    assert.deepEqual(
      (await api.list(WIDGETS)).items.map(({ metadata }) => metadata.name),
      ['a'],
    );
    assert.equal(api.put(widget('c')).metadata.resourceVersion, lost.metadata.resourceVersion);
  });

  it('refuses a version that is still to come, and one that is no longer kept', async () => {
    const api = start();
    const from = (resourceVersion: string): Promise<unknown> => drain(api.watch(WIDGETS, { resourceVersion }));
    await assert.rejects(from('5000'), (error) => error instanceof ApiError && error.status === 504 && error.retryAfter === 1000);
    await assert.rejects(from('999'), isGone);
  });
});
