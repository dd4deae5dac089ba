import { basename } from 'node:path';
import { type BuildResult, build, type Plugin } from 'esbuild';

/** A build that was split into chunks and not written. */
export type Split = BuildResult<{ metafile: true; write: false }>;

/**
 * The files of a split build, by name, with all that the entry imports at once, and all that each of `ways` imports, in the entry itself: Node takes
 * the better part of a millisecond for each module. What is loaded later and shares it takes it from there.
 */
export async function joinChunks(split: Split, entry: string, ways: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const files = new Map(split.outputFiles.map(({ path, text }) => [basename(path), text]));
  const outputs = new Map(Object.entries(split.metafile.outputs).map(([path, output]) => [basename(path), output]));
  const always = ways.map((way) => importedAtOnce(outputs, nameOf(outputs, way))).reduce((some, others) => some.intersection(others));
  const chunks = importedAtOnce(outputs, entry).union(always);
  chunks.delete(entry);
  const joined = [...chunks].map((chunk) => ({ chunk, names: outputs.get(chunk)?.exports ?? [] }));
  const parts = joined.map(
    ({ chunk, names }) => `export { ${names.map((name) => `${name} as ${alias(chunk, name)}`)} } from './${chunk}';`,
  );
  const contents = [`import './${entry}';`, ...parts].join('\n');
  files.set(entry, await bundle(contents, files));
  for (const { chunk } of joined) files.delete(chunk);
  for (const [name, text] of files) if (name !== entry) files.set(name, withImportsFrom(entry, chunks, text));
  for (const [name, text] of files) {
    const lost = joined.find(({ chunk }) => text.includes(`./${chunk}`));
    if (lost) throw new Error(`${name} loads ${lost.chunk}, which is in ${entry} now, in a way that is not understood here`);
  }
  return files;
}

/** The name of a chunk is a hash of its text, so of two builds the same name means the same. */
function alias(chunk: string, name: string): string {
  return `${name}_${chunk.replace(/^chunk-|\.js$/g, '').replaceAll(/\W/g, '_')}`;
}

/** As esbuild writes imports when it minifies: `import{a as b,c}from"./chunk-X.js"`, and `import"./chunk-X.js"` for what is only run. */
const IMPORT = /\bimport(?:\{([^{}]*)\}from)?"\.\/([^"]+)"/g;

function withImportsFrom(entry: string, joined: ReadonlySet<string>, text: string): string {
  return text.replaceAll(IMPORT, (statement, names: string | undefined, chunk: string) => {
    if (!joined.has(chunk)) return statement;
    if (names === undefined) return `import"./${entry}"`;
    const renamed = names.split(',').map((name) => {
      const [exported = '', local = exported] = name.split(' as ');
      return `${alias(chunk, exported)} as ${local}`;
    });
    return `import{${renamed.join(',')}}from"./${entry}"`;
  });
}

type Outputs = ReadonlyMap<string, Split['metafile']['outputs'][string]>;

function nameOf(outputs: Outputs, entryPoint: string): string {
  const found = [...outputs].find(([, output]) => output.entryPoint === entryPoint);
  if (!found) throw new Error(`${entryPoint} is imported by nobody later on: it is no way of its own`);
  return found[0];
}

function importedAtOnce(outputs: Outputs, first: string): Set<string> {
  const found = new Set([first]);
  for (const chunk of found) {
    for (const { path, kind } of outputs.get(chunk)?.imports ?? []) if (kind === 'import-statement') found.add(basename(path));
  }
  return found;
}

async function bundle(contents: string, files: ReadonlyMap<string, string>): Promise<string> {
  const inMemory: Plugin = {
    name: 'in-memory',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\// }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : { path: basename(path), namespace: 'split' },
      );
      onLoad({ filter: /^/, namespace: 'split' }, ({ path }) => ({ contents: files.get(path) ?? '' }));
    },
  };
  const result = await build({
    stdin: { contents },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    write: false,
    plugins: [inMemory],
    logLevel: 'warning',
  });
  return result.outputFiles.map(({ text }) => text).join('');
}
