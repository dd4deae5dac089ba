/**
 * Makes the programs that tests and the cluster need: `node tools/programs/main.ts [program...]`, all of them without an argument.
 * Prints the path of each. What is there already costs nothing.
 */
import { programsFolder } from './cache.ts';
import { download, ENVTEST_PROGRAMS, ENVTEST_VERSION, envtestRelease } from './envtest.ts';
import { build, ProgramUnavailable } from './go.ts';
import { envtestFolder, findProgram } from './programs.ts';
import { Progress } from './progress.ts';
import { PROGRAMS, type ProgramName, recipeOf, versionOf } from './recipes.ts';

async function make(wanted: readonly ProgramName[]): Promise<void> {
  // The release has three programs; it spares the build only of who wants no others.
  if (missing(wanted).some(isOfRelease) && missing(wanted).filter(isOfKubernetes).every(isOfRelease)) await tryRelease();
  for (const recipe of new Set(missing(wanted).map(recipeOf))) {
    const what = `building ${recipe.name} ${versionOf(recipe)} (${recipe.programs.join(', ')}); once, about ${recipe.minutes} min on two cores`;
    using progress = new Progress(what);
    await build(recipe, programsFolder(recipe), progress);
  }
}

function missing(wanted: readonly ProgramName[]): readonly ProgramName[] {
  return wanted.filter((name) => findProgram(name) === undefined);
}

function isOfRelease(name: ProgramName): boolean {
  return ENVTEST_PROGRAMS.includes(name);
}

function isOfKubernetes(name: ProgramName): boolean {
  return recipeOf(name) === recipeOf('etcd');
}

/** Without it there is still the build. */
async function tryRelease(): Promise<void> {
  const release = envtestRelease();
  if (release === undefined) return;
  process.stderr.write(`==> downloading envtest ${ENVTEST_VERSION} (${ENVTEST_PROGRAMS.join(', ')})\n`);
  try {
    await download(release, envtestFolder());
  } catch (error) {
    process.stderr.write(`    not possible: ${error instanceof Error ? `${error.message} ${error.cause ?? ''}`.trim() : error}\n`);
  }
}

try {
  const names = process.argv.slice(2);
  // An unknown name fails here, before anything is built.
  for (const name of names) recipeOf(name);
  const wanted = PROGRAMS.filter((name) => names.length === 0 || names.includes(name));
  await make(wanted);
  for (const name of wanted) process.stdout.write(`${findProgram(name)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof ProgramUnavailable || !(error instanceof Error) ? String(error) : error.stack}\n`);
  process.exitCode = 1;
}
