import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from './contents.ts';
import type { DebLock } from './debian.ts';
import { fileOf, lockedModule, type NodePackage, type NodeRelease } from './npm.ts';
import { bom, debComponent, nodeComponent, npmComponent } from './sbom.ts';
import { type Entry, file } from './tar.ts';

/** What we take from package.json. */
interface Package {
  readonly version: string;
  readonly description: string;
  /** Where the sources are. */
  readonly repository?: string;
}

/** What `tools/build.ts` says of the bundle. */
export interface Bundle extends Package {
  /** Names in `dist/`. */
  readonly files: readonly string[];
  /** npm packages in it, as package-lock.json names them. */
  readonly packages: readonly string[];
}

const HOME = 'usr/lib/fairlead';
export const ENTRY = `/${HOME}/fairlead.js`;
export const NODE = '/usr/bin/node';

/** For people: `kubectl exec POD -- fairlead status`. There is no shell, so Node interprets it. */
const COMMAND = `#!${NODE}\nimport('${ENTRY}');\n`;

/** @throws Error when the program has not been built */
export function readBundle(root: string): Bundle {
  const { version, description, repository } = readJson<Package>(root, 'package.json');
  try {
    return { version, description, ...(repository && { repository }), ...readJson<Omit<Bundle, keyof Package>>(root, 'dist/bundle.json') };
  } catch (error) {
    throw new Error(`dist/bundle.json cannot be read: run "make setup" (${(error as Error).message})`);
  }
}

const readJson = <T>(root: string, path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;

export interface Launcher {
  readonly nodeFlags: readonly string[];
  readonly environment: readonly string[];
}

/** How `bin/fairlead` starts Node: the image does the same. @throws Error when it is not written as expected */
export function readLauncher(root: string): Launcher {
  const text = readFileSync(join(root, 'bin/fairlead'), 'utf8');
  const flags = /^\s*exec "\$node" (.*)"\$root\/dist\/fairlead\.js" "\$@"$/m.exec(text)?.[1];
  if (flags === undefined)
    throw new Error('bin/fairlead has no line "exec "$node" FLAGS "$root/dist/fairlead.js" "$@"": tools/image reads the flags there');
  const environment = [...text.matchAll(/^\s*export (\w+=\S+)$/gm)].map(([, setting = '']) => setting);
  return { nodeFlags: flags.split(' ').filter((flag) => flag !== ''), environment };
}

/** Node, which changes with a new release of it. `node` is the stripped program. */
export function nodeLayer(node: NodePackage, program: Uint8Array): Entry[] {
  return [file(NODE.slice(1), program, 0o755), file('usr/share/licenses/node/LICENSE', fileOf(node, 'LICENSE'))];
}

/** Our own files, which change with each release: small, so that an upgrade downloads little. */
export function appLayer(root: string, bundle: Bundle, addon: Uint8Array, sbom: string): Entry[] {
  return [
    file('usr/bin/fairlead', COMMAND, 0o755),
    file(`${HOME}/package.json`, `${JSON.stringify({ name: 'fairlead', version: bundle.version, type: 'module' })}\n`),
    file(`${HOME}/netlink.node`, addon),
    ...bundle.files.map((name) => file(`${HOME}/${name}`, readFileSync(join(root, 'dist', name)))),
    file('usr/share/licenses/fairlead/LICENSE', readFileSync(join(root, 'LICENSE'))),
    ...bundle.packages.flatMap((path) => licences(root, path)),
    file('usr/share/sbom/fairlead.cdx.json', sbom),
  ];
}

function licences(root: string, path: string): Entry[] {
  const found = readdirSync(join(root, path)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
  if (found.length === 0) throw new Error(`${path} has no licence text, which the image has to carry`);
  return found.map((name) => file(`usr/share/licenses/fairlead/${path}/${name}`, readFileSync(join(root, path, name))));
}

/** The bill of materials of one or more architectures. */
export function sbomOf(root: string, bundle: Bundle, lock: DebLock, nodes: ReadonlyMap<Architecture, NodeRelease>): string {
  const components = [...nodes].flatMap(([architecture, node]) => [
    nodeComponent(node.name, node.locked),
    ...lock.packages.image[architecture].map((locked) => debComponent(locked, 'required')),
  ]);
  const tools = (Object.values(lock.packages.compiler).flat() as DebLock['packages']['image']['amd64']).map((locked) =>
    debComponent(locked, 'excluded'),
  );
  const modules = bundle.packages.map((path) => npmComponent(path.replace(/^.*node_modules\//, ''), lockedModule(root, path)));
  return bom(bundle.version, [...modules, ...components, ...tools]);
}
