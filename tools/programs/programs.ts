import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, programsFolder } from './cache.ts';
import { ENVTEST_PROGRAMS, ENVTEST_VERSION } from './envtest.ts';
import { ProgramUnavailable } from './go.ts';
import { type ProgramName, recipeOf } from './recipes.ts';

/**
 * The path of a program, fetched or built when it is not there yet (progress on standard error). In this order: the folder that
 * KUBEBUILDER_ASSETS names, our cache, the pinned envtest release, a build from the Go module proxy.
 * @throws ProgramUnavailable saying what to install
 */
export function program(name: ProgramName): string {
  const found = findProgram(name);
  if (found !== undefined) return found;
  const main = join(import.meta.dirname, 'main.ts');
  const { status } = spawnSync(process.execPath, [main, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  const made = findProgram(name);
  if (status !== 0 || made === undefined) throw new ProgramUnavailable(`there is no ${name} and it could not be made: see the lines above`);
  return made;
}

/** The path of a program that is there already. Looks at no network. */
export function findProgram(name: ProgramName, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const assets = environment['KUBEBUILDER_ASSETS'];
  const folders = [assets, programsFolder(recipeOf(name), environment), ENVTEST_PROGRAMS.includes(name) && envtestFolder(environment)];
  return folders.map((folder) => folder && join(folder, name)).find((path): path is string => !!path && isExecutable(path));
}

export function envtestFolder(environment?: NodeJS.ProcessEnv): string {
  return join(cacheFolder(environment), 'envtest', `${ENVTEST_VERSION}-${process.arch}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
