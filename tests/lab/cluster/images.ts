import type { Architecture } from '../../../tools/image/contents.ts';
import { Layout, packLayer } from '../../../tools/image/oci.ts';
import { file, folder, link, writeTar } from '../../../tools/image/tar.ts';

/** An image whose only program is busybox. */
export interface SmallImage {
  /** With a tag that is not `latest`, which would make the kubelet ask a registry. */
  readonly name: string;
  readonly file: string;
  readonly entrypoint: readonly string[];
}

/** Holds a pod's namespaces. */
export const PAUSE: SmallImage = { name: 'lab.test/pause:1', file: 'pause', entrypoint: ['/bin/busybox', 'sleep', 'infinity'] };
/** For test pods: sh, wget, httpd, ping, ip. */
export const BUSYBOX: SmallImage = { name: 'lab.test/busybox:1', file: 'busybox', entrypoint: ['/bin/sh'] };
export const IMAGES: readonly SmallImage[] = [PAUSE, BUSYBOX];

const APPLETS = [
  'sh',
  'cat',
  'date',
  'echo',
  'env',
  'hostname',
  'httpd',
  'ip',
  'ls',
  'mkdir',
  'nc',
  'ping',
  'ps',
  'sleep',
  'timeout',
  'wget',
];

/** The image as `ctr images import` takes it: an OCI layout in a tar. */
export async function imageArchive(image: SmallImage, busybox: Uint8Array, architecture: Architecture): Promise<Buffer> {
  const layout = new Layout();
  const links = APPLETS.map((name) => link(`bin/${name}`, 'busybox'));
  const layer = await packLayer('busybox', [file('bin/busybox', busybox, 0o755), ...links, folder('tmp', 0o1777)]);
  const settings = { entrypoint: image.entrypoint, environment: ['PATH=/bin'], created: '1970-01-01T00:00:00Z', labels: {} };
  const manifest = layout.addManifest(architecture, [layer], settings);
  const names = { 'io.containerd.image.name': image.name, 'org.opencontainers.image.ref.name': image.name.split(':')[1] ?? '' };
  return writeTar(layout.files(manifest, names));
}
