import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { wireRoute } from '../../src/cluster/cluster.contract.ts';
import { Folder } from './folder.ts';

it('close waits for what is being stored, also when that has begun already', async (t) => {
  const folder = await Folder.for(t);
  for (let i = 0; i < 20; i++) {
    await folder.write('a.json', wireRoute(`a${i}`, '10.1.0.0/16'));
    const source = await folder.start({ timing: { quiet: 1, save: 0, fastPoll: 20 } });
    await new Promise((resolve) => setTimeout(resolve, i % 4));
    await source.close();
    assert.match(readFileSync(folder.lastGood, 'utf8'), new RegExp(`"a${i}"`));
  }
});
