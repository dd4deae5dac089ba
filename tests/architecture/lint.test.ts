import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';

/** Proves that each rule of biome.json that we rely on bites where it should, and only there. */
const root = join(import.meta.dirname, '../..');

const CASES: readonly { readonly rule: string; readonly at: string; readonly text: string; readonly fineAt?: string }[] = [
  {
    rule: 'noRestrictedImports',
    at: 'src/agent/x.ts',
    text: "import { openLinuxKernel } from '../kernel/linux/kernel.ts';\nopenLinuxKernel();\n",
    fineAt: 'src/bin/x.ts',
  },
  {
    rule: 'noRestrictedImports',
    at: 'src/cli/x.ts',
    text: "export const load = () => import('../cluster/directory/source.ts');\n",
    fineAt: 'src/bin/x.ts',
  },
  {
    rule: 'noRestrictedImports',
    at: 'src/controller/x.ts',
    text: "import { openKubernetes } from '../cluster/kubernetes/client.ts';\nopenKubernetes();\n",
    fineAt: 'src/bin/x.ts',
  },
  {
    rule: 'noRestrictedImports',
    at: 'src/cluster/x.ts',
    text: "export const load = () => import('./kubernetes/client.ts');\n",
    fineAt: 'src/cluster/kubernetes/x.ts',
  },
  {
    rule: 'noRestrictedImports',
    at: 'src/kernel/x.ts',
    text: "export type { Socket } from './linux/netlink/socket.ts';\n",
    fineAt: 'src/kernel/linux/x.ts',
  },
  {
    rule: 'noRestrictedImports',
    at: 'src/agent/x.ts',
    text: "import { FakeKernel } from '../kernel/fake.ts';\nnew FakeKernel();\n",
    fineAt: 'tests/agent/x.ts',
  },
  { rule: 'noRestrictedGlobals', at: 'src/core/x.ts', text: 'export const now = () => Date.now();\n', fineAt: 'src/agent/x.ts' },
  { rule: 'noRestrictedGlobals', at: 'src/api/x.ts', text: 'setTimeout(() => undefined, 1);\n', fineAt: 'src/agent/x.ts' },
  { rule: 'noProcessEnv', at: 'src/agent/x.ts', text: "export const home = process.env['HOME'];\n", fineAt: 'src/runtime/config.ts' },
  { rule: 'noConsole', at: 'src/cli/x.ts', text: "console.log('x');\n", fineAt: 'tools/x.ts' },
  { rule: 'noExplicitAny', at: 'src/cli/x.ts', text: 'export const x = (y: any) => y;\n' },
  { rule: 'noNonNullAssertion', at: 'src/cli/x.ts', text: 'export const x = (y?: string) => y!;\n' },
  {
    rule: 'noFloatingPromises',
    at: 'src/cli/x.ts',
    text: 'async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n',
  },
  { rule: 'noBarrelFile', at: 'src/core/index.ts', text: "export * from './route.ts';\n" },
  {
    rule: 'noExcessiveLinesPerFunction',
    at: 'src/cli/x.ts',
    text: `export function f(x: number): number {\n${'  x += 1;\n'.repeat(61)}  return x;\n}\n`,
  },
];

/** Lints all cases at once in a folder of their own, under the project's rules; answers the rules broken per file. */
function lintAll(): Map<string, Set<string>> {
  const scratch = mkdtempSync(join(tmpdir(), 'fairlead-lint-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));
  const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(scratch, 'biome.json'), JSON.stringify(config));
  for (const [i, { at, fineAt, text }] of CASES.entries()) {
    for (const path of [at, fineAt]) {
      if (path === undefined) continue;
      mkdirSync(dirname(join(scratch, named(path, i))), { recursive: true });
      writeFileSync(join(scratch, named(path, i)), text);
    }
  }
  const args = ['lint', '--max-diagnostics=none', '--reporter=json', '.'];
  const { stdout } = spawnSync('sh', [join(root, 'tools/biome.sh'), ...args], { encoding: 'utf8', cwd: scratch });
  const { diagnostics } = JSON.parse(stdout) as {
    readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[];
  };
  const broken = new Map<string, Set<string>>();
  for (const { category, location } of diagnostics) {
    const rules = broken.get(location.path) ?? new Set();
    broken.set(location.path, rules.add(category.split('/').at(-1) ?? ''));
  }
  return broken;
}

/** `x.ts` stands for a file of its own per case; other names are meant as they are. */
function named(path: string, i: number): string {
  return path.replace('/x.ts', `/case${i}.ts`);
}

describe('lint rules', () => {
  const broken = lintAll();
  for (const [i, { rule, at, text, fineAt }] of CASES.entries()) {
    it(`${rule} bites in ${at}${fineAt ? ` and not in ${fineAt}` : ''}: ${text.split('\n')[0]}`, () => {
      assert.ok(broken.get(named(at, i))?.has(rule), `${rule} did not bite`);
      if (fineAt) assert.ok(!broken.get(named(fineAt, i))?.has(rule), `${rule} bit in ${fineAt}`);
    });
  }
});

describe('files', () => {
  const sources = globSync('{src,tests,tools,bench,demo}/**/*.ts', { cwd: root, exclude: ['tests/fixtures/**'] });

  it('have at most 400 lines', () => {
    assert.ok(sources.length > 50);
    const long = sources.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
    assert.deepEqual(long, []);
  });
});
