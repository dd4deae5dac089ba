import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Progress } from './progress.ts';
import { type Recipe, versionOf } from './recipes.ts';

/** A program is not there and cannot be made here; the message says what to install. */
export class ProgramUnavailable extends Error {
  override readonly name = 'ProgramUnavailable';
}

/**
 * Builds a recipe into `target`, which appears whole or not at all.
 * @throws ProgramUnavailable when Go is missing or too old, or the build fails
 */
export async function build(recipe: Recipe, target: string, progress: Progress, environment = process.env): Promise<void> {
  requireGo(recipe, environment);
  const [first = '', ...others] = recipe.programs;
  const fresh = `${target}.${process.pid}.tmp`;
  mkdirSync(fresh, { recursive: true });
  try {
    await compile(recipe, join(fresh, first), progress, environment);
    for (const name of others) symlinkSync(first, join(fresh, name));
    publish(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Another process may have been quicker; its result is as good. */
function publish(fresh: string, target: string): void {
  try {
    renameSync(fresh, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}

/** Go of at least the version in go.mod, which may be one that `go` itself fetches (GOTOOLCHAIN). */
function requireGo(recipe: Recipe, environment: NodeJS.ProcessEnv): void {
  const wanted = /^go (\S+)/m.exec(readFileSync(join(recipe.folder, 'go.mod'), 'utf8'))?.[1] ?? '';
  const { stdout, stderr, error, status } = spawnSync('go', ['version'], { cwd: recipe.folder, encoding: 'utf8', env: environment });
  const found = /go version go([\d.]+)/.exec(stdout ?? '')?.[1];
  if (status === 0 && found !== undefined && !isOlder(found, wanted)) return;
  const why = error
    ? 'there is no "go" in PATH'
    : found === undefined
      ? `"go version" says: ${(stderr || stdout).trim()}`
      : `Go ${found} is too old`;
  throw new ProgramUnavailable(
    `${recipe.programs.join(', ')} ${versionOf(recipe)} must be built, and ${why}: install Go ${wanted} or newer ` +
      `("apt-get install golang-go" where Debian has it, else https://go.dev/dl) or name a folder with the programs in KUBEBUILDER_ASSETS`,
  );
}

function isOlder(found: string, wanted: string): boolean {
  const [a = [], b = []] = [found, wanted].map((version) => version.split('.').map(Number));
  return (a[0] ?? 0) - (b[0] ?? 0) < 0 || (a[0] === b[0] && (a[1] ?? 0) < (b[1] ?? 0));
}

async function compile(recipe: Recipe, output: string, progress: Progress, environment: NodeJS.ProcessEnv): Promise<void> {
  const version = versionOf(recipe);
  const variables = Object.entries(recipe.variables(version)).map(([name, value]) => `-X ${name}=${value}`);
  const flags = ['-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', ['-s -w', ...variables].join(' ')];
  // One build at a time: a second process then finds the first one's packages in Go's own cache.
  const child = spawn('flock', [`${dirname(dirname(output))}/.lock`, 'go', 'build', ...flags, '-o', output, recipe.package], {
    cwd: recipe.folder,
    env: { ...environment, CGO_ENABLED: '0', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4000);
    progress.count(text.split('\n').length - 1);
  });
  const status = await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', () => reject(new ProgramUnavailable('there is no "flock" in PATH: apt-get install util-linux')));
  });
  if (status !== 0) throw new ProgramUnavailable(`"go build" of ${recipe.name} ${version} failed:\n${words.trim()}`);
}
