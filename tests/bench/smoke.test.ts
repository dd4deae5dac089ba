import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const BENCH = join(import.meta.dirname, '..', '..', 'bench', 'bench.ts');
/** By group: what its rows begin with. */
const PREFIXES = {
  node: ['apply: ', 'start: ', 'edit: ', 'heal: ', 'resync: ', 'memory: '],
  api: [
    'api: POST to ',
    'api: gateway to ',
    'api: 20 at once, ',
    'api: gateway changed ',
    'api: server back ',
    'api: agent ',
    'api: one change on 20 nodes, ',
    'api: Node to ',
    'api: 20 nodes join, cluster, ',
    'api: 20 nodes join, phpIPAM, ',
  ],
};

/** Rows whose figure should be 0. */
const NOTHING = /conflict|refused|lost|CPU/;

interface Results {
  readonly quick: boolean;
  readonly machine: { readonly kernel: string; readonly node: string };
  readonly results: readonly {
    readonly name: string;
    readonly value: number;
    readonly samples: readonly number[];
    readonly reference?: { readonly samples: readonly number[] };
    readonly verdict: string;
  }[];
}

for (const [group, prefixes] of Object.entries(PREFIXES)) {
  test(`a quick run measures all of ${group} and writes a whole result file`, () => quickRun(group, prefixes));
}

function quickRun(group: string, prefixes: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-test-'));
  try {
    const output = join(folder, 'results.json');
    const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, '--quick', '--only', group, '--output', output], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
    const { quick, machine, results } = JSON.parse(readFileSync(output, 'utf8')) as Results;
    assert.deepEqual({ quick, node: machine.node }, { quick: true, node: process.version });
    for (const prefix of prefixes)
      assert.ok(
        results.some(({ name }) => name.startsWith(prefix)),
        `nothing begins with "${prefix}"`,
      );
    for (const { name, value, samples, reference, verdict } of results) {
      const figures = [value, ...samples, ...(reference?.samples ?? [])];
      assert.ok(figures.length > 1 && figures.every((figure) => figure > 0 || (figure === 0 && NOTHING.test(name))), `${name}: ${figures}`);
      assert.equal(reference?.samples.length ?? samples.length, samples.length, name);
      assert.equal(verdict, 'not judged');
      assert.ok(stdout.includes(name), `the table lacks "${name}"`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('wrong usage is told', () => {
  const { status, stderr } = spawnSync(process.execPath, [BENCH, '--only', 'nothing'], { encoding: 'utf8' });
  assert.equal(status, 64);
  assert.match(stderr, /there is no measure "nothing"\nusage: /);
});
