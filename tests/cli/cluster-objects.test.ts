import assert from 'node:assert/strict';
import { it } from 'node:test';
import { listIfServed } from '../../src/cli/cluster-objects.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';
import { OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { pool } from './ipam-builders.ts';

it('objects of a kind that may be unknown are asked for once', async () => {
  const api = new FakeApi();
  let asked = 0;
  api.before = () => {
    asked++;
  };
  assert.deepEqual(await listIfServed(api, OVERLAY_POOLS), []);
  api.serve(OVERLAY_POOLS);
  api.put(pool('default', []));
  assert.equal((await listIfServed(api, OVERLAY_POOLS)).length, 1);
  assert.equal(asked, 2);
});
