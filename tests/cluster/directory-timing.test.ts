import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { until, wireRoute } from '../../src/cluster/cluster.contract.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
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

it('a half-written file takes no subnets away, not even when what there is of it is valid', async (t) => {
  const folder = await Folder.for(t);
  const route = (subnets: readonly string[]): object => ({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'StaticRoute',
    metadata: { name: 'a' },
    spec: { subnets },
  });
  const subnetsOf = (snapshot: ResourceSnapshot): string => snapshot.staticRoutes.flatMap(({ subnets }) => subnets.map(String)).join(' ');
  await folder.write('a.json', route(['10.1.0.0/16', '10.2.0.0/16']));
  const source = await folder.start({ timing: { quiet: 150, save: 5, fastPoll: 20 } });
  const seen: string[] = [];
  source.watch(() => seen.push(subnetsOf(source.snapshot())));
  await folder.write('a.json', route(['10.1.0.0/16']));
  await folder.write('b.json', wireRoute('b', '10.3.0.0/16'));
  await until(source, 'b is there', (snapshot) => subnetsOf(snapshot).includes('10.3.0.0/16'));
  await folder.write('a.json', route(['10.1.0.0/16', '10.2.0.0/16', '10.4.0.0/16']));
  await until(source, 'a has grown', (snapshot) => subnetsOf(snapshot).includes('10.4.0.0/16'));
  assert.deepEqual(
    seen.filter((subnets) => !subnets.includes('10.2.0.0/16')),
    [],
  );
  await folder.write('a.json', route(['10.4.0.0/16']));
  await until(source, 'a has shrunk for good', (snapshot) => subnetsOf(snapshot) === '10.4.0.0/16 10.3.0.0/16');
});
