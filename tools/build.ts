import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { joinChunks } from './join-chunks.ts';

/** Bundles the program into dist/: one entry, and chunks that are loaded only by the commands that need them. */
const ENTRY = 'fairlead.js';
/** Where an agent takes its resources from: it goes one of these ways. */
const WAYS = ['src/bin/open-folder.ts', 'src/bin/open-cluster.ts'];
const ROOT = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };

/** Modules of Node that take several milliseconds to load, and of which we use functions and classes alone. */
const SLOW = ['node:crypto'];

/** What loads a module when one of its functions is called, or an object of one of its classes made. */
function onCall(module: string): string {
  return `(name) => function (...args) { const it = ${module}[name]; return new.target ? new it(...args) : it(...args); }`;
}

/**
 * Takes from Node's own modules only the names that are used. An `import` of one reads all of its properties, and those that are lazy load
 * much else: that of `node:util` alone 23 modules, a tenth of the time until the agent has its first plan.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy-builtin', sideEffects: false } : { path, external: true },
    );
    onLoad({ filter: /^/, namespace: 'lazy-builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).map((name) => JSON.stringify(name));
      const values = names.map((name, i) => `const v${i} = /* @__PURE__ */ get(${name}); export { v${i} as ${name} };`);
      const module = `process.getBuiltinModule(${JSON.stringify(path)})`;
      const get = SLOW.includes(path) ? `const get = ${onCall(module)};` : `const module = ${module}; const get = (name) => module[name];`;
      return { contents: [get, ...values].join('\n') };
    });
  },
};

/**
 * Leaves what makes JSON schemas to the one module that makes CRDs. esbuild puts a module into every chunk from which imports lead to it, and
 * from zod's index they lead to all of zod.
 */
const schemasApart: Plugin = {
  name: 'schemas-apart',
  setup({ onResolve, onLoad }) {
    const processors = join(ROOT, 'node_modules/zod/v4/core/json-schema-processors.js');
    onResolve({ filter: /^zod\/v4\/core$/ }, ({ importer }) => (importer.endsWith('/api/openapi.ts') ? { path: processors } : undefined));
    onResolve({ filter: /\/(to-)?json-schema(-processors|-generator)?\.js$/ }, ({ importer, path }) =>
      /\/(index|external)\.js$/.test(importer) ? { path, namespace: 'left-out', sideEffects: false } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'left-out' }, () => ({
      contents: 'export const toJSONSchema = undefined, JSONSchemaGenerator = undefined;',
    }));
  },
};

const split = await build({
  entryPoints: ['src/bin/fairlead.ts'],
  absWorkingDir: ROOT,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minify: true,
  keepNames: false,
  legalComments: 'none',
  define: { FAIRLEAD_VERSION: JSON.stringify(version) },
  // the same code as ES modules: its CommonJS form would lose its named exports in a chunk of its own
  alias: { yaml: './node_modules/yaml/browser/dist/index.js' },
  plugins: [lazyBuiltins, schemasApart],
  // prom-client is CommonJS and calls require for Node's own modules
  banner: { js: 'const require=process.getBuiltinModule;' },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const outputs = await joinChunks(split, ENTRY, WAYS);
mkdirSync(join(ROOT, 'dist'), { recursive: true });
for (const [name, text] of outputs) writeFileSync(join(ROOT, 'dist', name), text);

// What belongs to this build, for whoever ships it: dist/ also keeps the chunks of earlier builds, which running programs may still load.
const inputs = Object.values(split.metafile.outputs).flatMap((output) => Object.keys(output.inputs));
const packages = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
writeFileSync(
  join(ROOT, 'dist/bundle.json'),
  `${JSON.stringify({ files: [...outputs.keys()].sort(), packages: [...new Set(packages)].sort() }, null, 2)}\n`,
);

const sizes = [...outputs].map(([name, text]) => ({ name, bytes: Buffer.byteLength(text) })).sort((a, b) => b.bytes - a.bytes);
for (const { name, bytes } of sizes) process.stdout.write(`  dist/${name.padEnd(27)} ${(bytes / 1000).toFixed(0).padStart(5)} kB\n`);
