import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What makes Node write, at its end, the URL of every script that it has run. */
export function tellLoaded(folder: string): string {
  return `NODE_V8_COVERAGE=${folder}`;
}

/** Bytes of the scripts that a process has loaded which was told to say so; those of Node itself are not files. */
export function loadedBytes(folder: string): number {
  const urls = readdirSync(folder).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly result: readonly { readonly url: string }[] };
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  });
  if (urls.length === 0) throw new Error('Node did not say what the agent loads');
  return [...new Set(urls)].reduce((sum, url) => sum + statSync(fileURLToPath(url)).size, 0);
}
