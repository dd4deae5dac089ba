/**
 * Writes `debs.lock.json`: the newest version of every package in `contents.ts` that the release, its updates and its security archive
 * have. The archive's signature is verified with the keyring of this machine. Needs gpgv, debian-archive-keyring, xz-utils and dpkg.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digest } from './cache.ts';
import { ARCHITECTURES, type Architecture, PACKAGES, type Purpose, SUITE } from './contents.ts';
import { type DebLock, download, LOCK_FILE, type LockedPackage, readLock } from './debian.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SOURCES = [
  { archive: 'debian', suite: SUITE },
  { archive: 'debian', suite: `${SUITE}-updates` },
  { archive: 'debian-security', suite: `${SUITE}-security` },
] as const;
const WANTED: ReadonlySet<string> = new Set(Object.values(PACKAGES).flat());

type Source = (typeof SOURCES)[number];

/** The archive's list of checksums, once its signature is verified. */
async function release({ archive, suite }: Source): Promise<string> {
  const signed = await download(`${archive}/dists/${suite}/InRelease`);
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing: apt-get install -y debian-archive-keyring gpgv`);
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-lock-'));
  try {
    writeFileSync(join(folder, 'InRelease'), signed);
    execFileSync('gpgv', ['--quiet', '--keyring', KEYRING, '--output', join(folder, 'Release'), join(folder, 'InRelease')], {
      stdio: 'pipe',
    });
    return execFileSync('cat', [join(folder, 'Release')], { encoding: 'utf8' });
  } catch (error) {
    throw new Error(`${archive} ${suite}: its signature cannot be verified with gpgv: ${(error as Error).message}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function index(source: Source, checksums: string, architecture: Architecture): Promise<LockedPackage[]> {
  const name = `main/binary-${architecture}/Packages.xz`;
  const wanted = new RegExp(`^ ([0-9a-f]{64}) +\\d+ ${name.replaceAll('.', '\\.')}$`, 'm').exec(checksums)?.[1];
  const data = await download(`${source.archive}/dists/${source.suite}/${name}`);
  if (digest('sha256', data) !== wanted) throw new Error(`${source.suite} ${name} is not what its release file says; try again later`);
  return execFileSync('xz', ['-dc'], { input: data, maxBuffer: 2 ** 30 })
    .toString()
    .split('\n\n')
    .filter((paragraph) => WANTED.has(field(paragraph, 'Package')))
    .map((paragraph) => ({
      name: field(paragraph, 'Package'),
      version: field(paragraph, 'Version'),
      path: `${source.archive}/${field(paragraph, 'Filename')}`,
      size: Number(field(paragraph, 'Size')),
      sha256: field(paragraph, 'SHA256'),
    }));
}

const field = (paragraph: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';

function isNewer(a: LockedPackage, b: LockedPackage): boolean {
  try {
    execFileSync('dpkg', ['--compare-versions', a.version, 'gt', b.version]);
    return true;
  } catch {
    return false;
  }
}

function pick(name: string, available: readonly LockedPackage[]): LockedPackage {
  const [first, ...others] = available.filter((candidate) => candidate.name === name);
  if (first === undefined) throw new Error(`${SUITE} has no package ${name}: correct the list in tools/image/contents.ts`);
  return others.reduce((best, candidate) => (isNewer(candidate, best) ? candidate : best), first);
}

async function newest(): Promise<DebLock> {
  const available: Readonly<Record<Architecture, LockedPackage[]>> = { amd64: [], arm64: [] };
  for (const source of SOURCES) {
    process.stdout.write(`==> reading ${source.archive} ${source.suite}\n`);
    const checksums = await release(source);
    for (const architecture of ARCHITECTURES) available[architecture].push(...(await index(source, checksums, architecture)));
  }
  const choose = (purpose: Purpose) => ({
    amd64: PACKAGES[purpose].map((name) => pick(name, available.amd64)),
    arm64: PACKAGES[purpose].map((name) => pick(name, available.arm64)),
  });
  const snapshot = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return {
    suite: SUITE,
    snapshot,
    packages: { image: choose('image'), compiler: choose('compiler'), headers: choose('headers'), node: choose('node') },
  };
}

/** One line per package that has another version than before. */
function changes(before: DebLock, after: DebLock): string[] {
  const versions = (lock: DebLock) =>
    new Map(
      Object.entries(lock.packages).flatMap(([purpose, lists]) =>
        Object.entries(lists).flatMap(([architecture, list]) =>
          list.map((p) => [`${purpose} ${architecture} ${p.name}`, p.version] as const),
        ),
      ),
    );
  const old = versions(before);
  return [...versions(after)].flatMap(([key, version]) =>
    old.get(key) === version ? [] : [`  ${key}: ${old.get(key) ?? '-'} -> ${version}`],
  );
}

const lock = await newest();
const news = existsSync(LOCK_FILE) ? changes(readLock(), lock) : ['  a new lock file'];
if (news.length > 0) writeFileSync(LOCK_FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(news.length > 0 ? `${news.join('\n')}\n` : 'every package is the newest already\n');
