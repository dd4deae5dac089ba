import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LastGoodKeeper } from '../../src/cluster/last-good-keeper.ts';
import type { Memory } from '../../src/cluster/memory.ts';

const MEMORY: Memory = {
  complete: true,
  objects: new Map([
    ['StaticRoute a', { path: 'x', line: 0, raw: { kind: 'StaticRoute', metadata: { name: 'a' } }, resource: () => undefined }],
  ]),
  files: new Map([['x', { readAt: '2027-01-01T00:00:00Z', unrecognised: 0 }]]),
};

it('what could not be kept is kept as soon as the disk takes it, though nothing else changes', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-keeper-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  await writeFile(state, 'a file is in the way');
  const said: string[] = [];
  const keeper = new LastGoodKeeper(join(state, 'resources.json'), {
    warn: (text) => void said.push(text),
    readOnly: false,
    delay: 1,
    retry: 5,
  });
  keeper.offer(MEMORY);
  while (said.length === 0) await sleep(1);
  await rm(state);
  let kept: string | undefined;
  for (let patience = 0; patience < 2_000 && kept === undefined; patience++) {
    await sleep(1);
    kept = await readFile(join(state, 'resources.json'), 'utf8').catch(() => undefined);
  }
  assert.match(kept ?? 'nothing', /"name":"a"/);
  await keeper.flush();
  assert.deepEqual(said.length, 1);
});
