import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openDirectory } from '../../src/cluster/directory/directory.ts';

const ROUTE = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name: 'a' }, spec: { subnets: ['192.168.1.0/24'] } };

it('a source that is read only keeps nothing for a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-read-only-'));
  try {
    writeFileSync(join(folder, 'a.json'), JSON.stringify(ROUTE));
    for (const readOnly of [true, false]) {
      const lastGood = join(folder, '.state', 'resources.json');
      const source = openDirectory({ directory: folder, lastGood, readOnly });
      await source.start();
      const { staticRoutes } = source.snapshot();
      await source.close();
      assert.equal(staticRoutes.length, 1);
      assert.equal(existsSync(lastGood), !readOnly);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('a source that is read only leaves a damaged file where it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-read-only-'));
  try {
    const lastGood = join(folder, 'damaged');
    writeFileSync(lastGood, '{');
    const warnings: string[] = [];
    const source = openDirectory({ directory: folder, lastGood, readOnly: true, onWarning: (text) => void warnings.push(text) });
    await source.start();
    await source.close();
    assert.match(warnings.join(), /damaged is damaged \(.*\); an agent will set it aside$/);
    assert.deepEqual(readdirSync(folder), ['damaged']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
