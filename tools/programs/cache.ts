import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Recipe, versionOf } from './recipes.ts';

/** Where programs are kept: outside the repository, so that a fresh clone finds them. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead');
}

/** The folder of a recipe's programs. It is another one as soon as anything in the recipe is. */
export function programsFolder(recipe: Recipe, environment?: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256').update(JSON.stringify([recipe.programs, recipe.package, recipe.variables('v0.0.0')]));
  for (const file of readdirSync(recipe.folder).sort()) hash.update(file).update(readFileSync(join(recipe.folder, file)));
  const key = `${versionOf(recipe)}-${process.arch}-${hash.digest('hex').slice(0, 12)}`;
  return join(cacheFolder(environment), recipe.name, key);
}
