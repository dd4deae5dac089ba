import { buildAddon } from './addon.ts';
import { appLayer, type Bundle, ENTRY, NODE, nodeLayer, readBundle, readLauncher, sbomOf } from './app-layer.ts';
import { baseLayer } from './base-layer.ts';
import type { Commit } from './commit.ts';
import { ARCHITECTURES, type Architecture } from './contents.ts';
import { type DebLock, readLock, unpack } from './debian.ts';
import { strip } from './elf.ts';
import { fileOf, type NodePackage, type NodeRelease, nodePackage } from './npm.ts';
import { type Descriptor, type Layer, Layout, packLayer, type Settings } from './oci.ts';
import type { Entry } from './tar.ts';

const REPOSITORY = 'fairlead.dev/fairlead';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Image {
  readonly name: string;
  /** Of the index: what to pin. */
  readonly digest: string;
  /** The layout's files. */
  readonly files: readonly Entry[];
  readonly sbom: string;
  readonly layers: ReadonlyMap<Architecture, readonly Layer[]>;
}

type Progress = (line: string) => void;

/** Builds the image of the sources and `dist/` in `root`. Equal inputs give equal bytes. */
export async function buildImage(root: string, commit: Commit, progress: Progress): Promise<Image> {
  const lock = readLock();
  const bundle = readBundle(root);
  const settings = settingsOf(root, bundle, commit);
  const layout = new Layout();
  const nodes = new Map<Architecture, NodeRelease>();
  const layers = new Map<Architecture, readonly Layer[]>();
  const manifests: Descriptor[] = [];
  for (const architecture of ARCHITECTURES) {
    progress(`==> ${architecture}: fetching Node (package-lock.json)`);
    const node = await nodePackage(root, architecture);
    // without its files, 200 MB
    nodes.set(architecture, { name: node.name, locked: node.locked });
    const packed = await buildLayers(root, architecture, { bundle, lock, node }, progress);
    layers.set(architecture, packed);
    manifests.push(layout.addManifest(architecture, packed, settings));
  }
  const index = layout.addIndex(manifests, settings.labels);
  const name = `${REPOSITORY}:${bundle.version}`;
  const names = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': bundle.version };
  return { name, digest: index.digest, files: layout.files(index, names), sbom: sbomOf(root, bundle, lock, nodes), layers };
}

interface Parts {
  readonly bundle: Bundle;
  readonly lock: DebLock;
  readonly node: NodePackage;
}

/** What changes least comes first. */
async function buildLayers(root: string, architecture: Architecture, { bundle, lock, node }: Parts, progress: Progress): Promise<Layer[]> {
  progress(`==> ${architecture}: compiling the netlink addon (clang of debs.lock.json)`);
  const addon = await buildAddon(root, architecture, node, lock);
  progress(`==> ${architecture}: unpacking Debian packages (debs.lock.json)`);
  const packages = await Promise.all(lock.packages.image[architecture].map((locked) => unpack(locked, lock)));
  const program = strip('bin/node', fileOf(node, 'bin/node'));
  const base = baseLayer(
    packages,
    architecture,
    new Map([
      ['bin/node', program],
      ['netlink.node', addon],
    ]),
  );
  progress(`==> ${architecture}: packing layers`);
  const sbom = sbomOf(root, bundle, lock, new Map([[architecture, node]]));
  return Promise.all([
    packLayer(`Debian ${lock.suite}: nft, ip, libraries`, base),
    packLayer(`Node ${node.locked.version}`, nodeLayer(node, program)),
    packLayer(`Fairlead ${bundle.version}`, appLayer(root, bundle, addon, sbom)),
  ]);
}

function settingsOf(root: string, { version, description, repository }: Bundle, { revision, time }: Commit): Settings {
  const { nodeFlags, environment } = readLauncher(root);
  return {
    entrypoint: [NODE, ...nodeFlags, ENTRY],
    environment: [PATH, ...environment],
    created: time,
    labels: {
      'org.opencontainers.image.title': 'fairlead',
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      ...(repository !== undefined && { 'org.opencontainers.image.source': repository }),
      'org.opencontainers.image.created': time,
      ...(revision !== undefined && { 'org.opencontainers.image.revision': revision }),
    },
  };
}
