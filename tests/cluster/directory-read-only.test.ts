import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { wireRoute } from '../../src/cluster/cluster.contract.ts';
import { openDirectory } from '../../src/cluster/directory/directory.ts';

it('a source that is read only keeps nothing for a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-read-only-'));
  try {
    writeFileSync(join(folder, 'a.json'), JSON.stringify(wireRoute('a')));
    for (const readOnly of [true, false]) {
      const lastGood = join(folder, '.state', 'resources.json');
      const source = openDirectory({ directory: folder, lastGood, readOnly });
      await source.start();
      assert.equal(source.snapshot().staticRoutes.length, 1);
      await source.close();
      assert.equal(existsSync(lastGood), !readOnly);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
