import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

/** Proves that each boundary between layers bites: for every layer, one file that imports each other layer. */
const root = join(import.meta.dirname, '../..');

/** What each layer may import; the layers' tsconfig files must say the same. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  api: ['core'],
  runtime: [],
  kernel: ['core', 'runtime'],
  cluster: ['core', 'api', 'runtime'],
  ipam: ['core', 'runtime'],
  controller: ['core', 'api', 'runtime', 'cluster', 'ipam'],
  agent: ['core', 'api', 'runtime', 'kernel', 'cluster'],
  cli: ['core', 'api', 'runtime', 'kernel', 'cluster', 'ipam', 'controller', 'agent'],
  bin: ['core', 'api', 'runtime', 'kernel', 'cluster', 'ipam', 'controller', 'agent', 'cli'],
};

/** A module of each layer to import. */
const TARGET: Readonly<Record<string, string>> = {
  core: 'route.ts',
  api: 'parse.ts',
  runtime: 'clock.ts',
  kernel: 'kernel.ts',
  cluster: 'cluster.ts',
  ipam: 'provider.ts',
  controller: 'leader.ts',
  agent: 'agent.ts',
  cli: 'command.ts',
  bin: 'adapters.ts',
};

mkdirSync(join(root, '.build'), { recursive: true });
const scratch = mkdtempSync(join(root, '.build/layers-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Compiles files as if they stood in a layer; answers what the compiler says. */
function compileAs(layer: string, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(scratch, `${layer}-`));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const own = JSON.parse(readFileSync(join(root, 'src', layer, 'tsconfig.json'), 'utf8')) as {
    readonly compilerOptions: { readonly types?: readonly string[] };
    readonly references?: readonly { readonly path: string }[];
  };
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      rootDir: root,
      outDir: join(folder, 'out'),
      typeRoots: [join(root, 'node_modules/@types')],
      types: own.compilerOptions.types ?? [],
    },
    include: ['*.ts'],
    references: (own.references ?? []).map(({ path }) => ({ path: join(root, 'src', layer, path) })),
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-b', folder, '--pretty', 'false'], { encoding: 'utf8', cwd: folder });
  return stdout;
}

describe('layers', () => {
  it('are all listed here', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(folders.map((entry) => entry.name).sort(), Object.keys(MAY_IMPORT).sort());
  });

  for (const [layer, allowed] of Object.entries(MAY_IMPORT)) {
    it(`${layer} may import ${allowed.join(', ') || 'nothing of ours'}, and the compiler refuses the rest`, () => {
      const others = Object.keys(MAY_IMPORT).filter((other) => other !== layer);
      const files = Object.fromEntries(
        others.map((other) => [
          `${other}.ts`,
          `import type * as it from '${join(root, 'src', other, TARGET[other] ?? '')}';\nexport type It = typeof it;\n`,
        ]),
      );
      const said = compileAs(layer, files);
      const refused = others.filter((other) => said.includes(`File '${join(root, 'src', other, TARGET[other] ?? '')}' is not listed`));
      assert.deepEqual(
        refused,
        others.filter((other) => !allowed.includes(other)),
        said,
      );
    });
  }

  for (const layer of ['core', 'api']) {
    it(`${layer} knows neither Node nor the DOM`, () => {
      const files = {
        'node.ts': "import { readFileSync } from 'node:fs';\nexport const it = readFileSync;\n",
        'process.ts': 'export const it = process.pid;\n',
        'fetch.ts': "export const it = fetch('http://localhost');\n",
        'console.ts': "console.log('x');\nexport {};\n",
        'fine.ts': 'export const it = Math.max(1, 2);\n',
      };
      const said = compileAs(layer, files);
      const refused = Object.keys(files).filter((name) =>
        said.split('\n').some((line) => line.includes(`${name}(`) && line.includes('error TS')),
      );
      assert.deepEqual(refused, ['node.ts', 'process.ts', 'fetch.ts', 'console.ts'], said);
    });
  }
});
