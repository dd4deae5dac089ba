import { posix } from 'node:path';
import { closure, merge, type Owned } from './closure.ts';
import { type Architecture, DEBIAN_VERSION, PLATFORMS, PROGRAMS } from './contents.ts';
import type { UnpackedPackage } from './debian.ts';
import { type Entry, file, folder, link } from './tar.ts';

/** Debian keeps everything below /usr; programs name the old places. */
const OLD_PLACES = ['bin', 'sbin', 'lib', 'lib64'] as const;

/** Mount points, and what programs expect to be there. */
const FOLDERS = [
  folder('dev'),
  folder('etc'),
  // Where certificates of the system would be: Node has its own, and complains when there is no such folder.
  folder('etc/ssl/certs'),
  folder('proc'),
  folder('run'),
  folder('sys'),
  folder('tmp', 0o1777),
  folder('var/lib/fairlead'),
];

/** Scanners learn from it which advisories apply to the packages. */
const OS_RELEASE = `PRETTY_NAME="Fairlead, with libraries of Debian ${DEBIAN_VERSION}"\nNAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="${DEBIAN_VERSION}"\n`;

/** Without it glibc asks DNS before /etc/hosts. */
const NSSWITCH = 'hosts: files dns\n';

/**
 * What changes least: programs and libraries of Debian, each package's licence, and its record for vulnerability scanners.
 * @param programs our own ELF files, whose libraries must be there too
 * @throws Error when a package is missing or superfluous
 */
export function baseLayer(
  packages: readonly UnpackedPackage[],
  architecture: Architecture,
  programs: ReadonlyMap<string, Uint8Array>,
): Entry[] {
  const root = merge(packages);
  const needed = closure(root, architecture, PROGRAMS, programs);
  const owners = new Set([...needed.values()].map(({ owner }) => owner.name));
  const licences = [...owners].flatMap((name) => [...licence(root, name)]);
  refuseSuperfluous(packages, new Set([...owners, ...licences.map(([, { owner }]) => owner.name)]));
  const usrLinks = OLD_PLACES.filter((place) => place !== 'lib64' || PLATFORMS[architecture].loader.startsWith('lib64/'));
  return [
    ...FOLDERS,
    ...usrLinks.map((place) => link(place, `usr/${place}`)),
    file('etc/nsswitch.conf', NSSWITCH),
    file('usr/lib/os-release', OS_RELEASE),
    link('etc/os-release', '../usr/lib/os-release'),
    ...[...new Map([...needed, ...licences]).values()].map(({ entry }) => entry),
    ...packages.map(({ locked, control }) => file(`var/lib/dpkg/status.d/${locked.name}`, control)),
  ];
}

/** The copyright file of a package, with the link to the package that holds it for several. */
function* licence(root: ReadonlyMap<string, Owned>, name: string): Generator<readonly [string, Owned]> {
  const place = root.get(`usr/share/doc/${name}`);
  if (place?.entry.kind === 'link') yield [place.entry.path, place];
  const home = place?.entry.kind === 'link' ? posix.join('usr/share/doc', place.entry.target) : `usr/share/doc/${name}`;
  const text = root.get(`${home}/copyright`);
  if (text === undefined) throw new Error(`the package ${name} has no copyright file`);
  yield [text.entry.path, text];
}

function refuseSuperfluous(packages: readonly UnpackedPackage[], used: ReadonlySet<string>): void {
  const spare = packages.map(({ locked }) => locked.name).filter((name) => !used.has(name));
  if (spare.length > 0) throw new Error(`nothing of ${spare.join(', ')} is needed: remove it from tools/image/contents.ts`);
}
