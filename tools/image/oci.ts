/** An OCI image layout in memory: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { digest } from './cache.ts';
import type { Architecture } from './contents.ts';
import { type Entry, file, writeTar } from './tar.ts';

const TYPE = 'application/vnd.oci.image';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: Architecture; readonly os: 'linux' };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Layer {
  readonly title: string;
  /** Of the archive, not compressed. */
  readonly diffID: string;
  readonly descriptor: Descriptor;
  readonly data: Buffer;
}

export interface Settings {
  readonly entrypoint: readonly string[];
  readonly environment: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Collects the files of a layout. */
export class Layout {
  readonly #blobs = new Map<string, Uint8Array>();

  /** @returns the manifest's descriptor */
  addManifest(architecture: Architecture, layers: readonly Layer[], settings: Settings): Descriptor {
    for (const { descriptor, data } of layers) this.#blobs.set(descriptor.digest, data);
    const config = this.#addJson(`${TYPE}.config.v1+json`, configuration(architecture, layers, settings));
    const manifest = {
      schemaVersion: 2,
      mediaType: `${TYPE}.manifest.v1+json`,
      config,
      layers: layers.map(({ descriptor }) => descriptor),
      annotations: settings.labels,
    };
    return { ...this.#addJson(manifest.mediaType, manifest), platform: { architecture, os: 'linux' } };
  }

  /** One image for all architectures: one digest to pin. @returns its descriptor */
  addIndex(manifests: readonly Descriptor[], annotations: Readonly<Record<string, string>>): Descriptor {
    const index = { schemaVersion: 2, mediaType: `${TYPE}.index.v1+json`, manifests, annotations };
    return this.#addJson(index.mediaType, index);
  }

  /** The files, relative to the layout. `names`: annotations by which tools name the image when they import it. */
  files(image: Descriptor, names: Readonly<Record<string, string>>): Entry[] {
    const index = { schemaVersion: 2, mediaType: `${TYPE}.index.v1+json`, manifests: [{ ...image, annotations: names }] };
    return [
      file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
      file('index.json', JSON.stringify(index)),
      ...[...this.#blobs].map(([name, data]) => file(`blobs/${name.replace(':', '/')}`, data)),
    ];
  }

  #addJson(mediaType: string, value: unknown): Descriptor {
    const data = Buffer.from(JSON.stringify(value));
    const descriptor = describe(mediaType, data);
    this.#blobs.set(descriptor.digest, data);
    return descriptor;
  }
}

/** Packs a layer: the archive of the entries, compressed. */
export async function packLayer(title: string, entries: readonly Entry[]): Promise<Layer> {
  const archive = writeTar(entries);
  const data = await promisify(gzip)(archive, { level: 9, memLevel: 9 });
  data.fill(0, 4, 8); // no time
  data[9] = 255; // no operating system
  return { title, diffID: `sha256:${digest('sha256', archive)}`, descriptor: describe(`${TYPE}.layer.v1.tar+gzip`, data), data };
}

function configuration(architecture: Architecture, layers: readonly Layer[], settings: Settings) {
  return {
    created: settings.created,
    architecture,
    os: 'linux',
    config: {
      User: '0:0',
      Env: settings.environment,
      Entrypoint: settings.entrypoint,
      WorkingDir: '/',
      Labels: settings.labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history: layers.map(({ title }) => ({ created: settings.created, created_by: title })),
  };
}

const describe = (mediaType: string, data: Uint8Array): Descriptor => ({
  mediaType,
  digest: `sha256:${digest('sha256', data)}`,
  size: data.length,
});
