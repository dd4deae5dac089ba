/**
 * Builds `dist/netlink.node` from `native/netlink.c` with plain `cc`, when the source is newer.
 * Linked without libc, so one file serves every Node of this architecture, on glibc and musl.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'native/netlink.c');
const LINK_FLAGS = ['-shared', '-nodefaultlibs', '-nostartfiles'];

/** @param cpu Node's name of the architecture */
export function compileFlags(cpu: string): readonly string[] {
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-fno-stack-protector', '-U_FORTIFY_SOURCE'];
  return cpu === 'arm64' ? [...flags, '-mno-outline-atomics'] : flags;
}

/** @returns the path of the addon. @throws Error with one line that says what to install. */
export function buildAddon(): string {
  const target = join(ROOT, 'dist/netlink.node');
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(SOURCE).mtimeMs) return target;
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  // Never half-written where another process may load it.
  const fresh = `${target}.${process.pid}.tmp`;
  compile(headers(), fresh);
  renameSync(fresh, target);
  return target;
}

function headers(): string {
  const include = join(ROOT, `node_modules/node-linux-${process.arch}/include/node`);
  if (!existsSync(join(include, 'node_api.h'))) {
    throw new Error(`${include} has no Node headers: run "npm ci" (package node-linux-${process.arch})`);
  }
  return include;
}

function compile(include: string, output: string): void {
  const flags = [...compileFlags(process.arch), ...LINK_FLAGS];
  const run = spawnSync('cc', [...flags, '-I', include, SOURCE, '-o', output], { encoding: 'utf8' });
  if (run.error) throw new Error('no C compiler ("cc") to build the netlink addon: run "apt-get install gcc libc6-dev linux-libc-dev"');
  if (run.status !== 0) throw new Error(`cc failed to build native/netlink.c (missing headers? apt-get install libc6-dev):\n${run.stderr}`);
}

if (import.meta.main) {
  try {
    process.stdout.write(`${buildAddon()}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
