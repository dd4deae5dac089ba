import { basename } from 'node:path';
import { type BuildResult, build, type Plugin } from 'esbuild';

/** A build that was split into chunks and not written. */
export type Split = BuildResult<{ metafile: true; write: false }>;

/**
 * The files of a split build, by name, with all that the entry imports at once in the entry itself: Node takes the better part of a
 * millisecond for each module. A chunk that went there remains as a name for its part of the entry, for what is loaded later and shares it.
 */
export async function joinChunks(split: Split, entry: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map(split.outputFiles.map(({ path, text }) => [basename(path), text]));
  const exported = new Map(Object.entries(split.metafile.outputs).map(([path, { exports }]) => [basename(path), exports]));
  const joined = importedAtOnce(split, entry).map((chunk) => ({ chunk, names: exported.get(chunk) ?? [] }));
  const parts = joined.map(
    ({ chunk, names }) => `export { ${names.map((name) => `${name} as ${alias(chunk, name)}`)} } from './${chunk}';`,
  );
  const contents = [`import './${entry}';`, ...parts].join('\n');
  files.set(entry, await bundle(contents, files));
  for (const { chunk, names } of joined) {
    files.set(chunk, `export{${names.map((name) => `${alias(chunk, name)} as ${name}`)}}from"./${entry}";\n`);
  }
  return files;
}

/** The name of a chunk is a hash of its text, so of two builds the same name means the same. */
function alias(chunk: string, name: string): string {
  return `${name}_${chunk.replace(/^chunk-|\.js$/g, '').replaceAll(/\W/g, '_')}`;
}

function importedAtOnce({ metafile }: Split, entry: string): readonly string[] {
  const found = new Set([entry]);
  const imports = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output.imports]));
  for (const chunk of found) {
    for (const { path, kind } of imports.get(chunk) ?? []) if (kind === 'import-statement') found.add(basename(path));
  }
  found.delete(entry);
  return [...found];
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
