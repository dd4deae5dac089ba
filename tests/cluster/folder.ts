import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SourceHarness } from '../../src/cluster/cluster.contract.ts';
import type { ResourceSource } from '../../src/cluster/cluster.ts';
import { type DirectoryOptions, openDirectory } from '../../src/cluster/directory/directory.ts';

/** Short, so that tests are quick; none depends on how short. */
export const TIMING = { quiet: 60, fastPoll: 20, save: 5 } as const;

/** A manifests folder and a state folder of one test. */
export class Folder {
  readonly base: string;
  readonly path: string;
  readonly lastGood: string;
  readonly warnings: string[] = [];
  #sources: ResourceSource[] = [];

  constructor(base: string) {
    this.base = base;
    this.path = join(base, 'manifests');
    this.lastGood = join(base, 'state', 'last-good.json');
  }

  static async create(): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), 'fairlead-folder-')));
    await mkdir(folder.path);
    return folder;
  }

  /** Removed with the end of the test. */
  static async for(test: TestContext): Promise<Folder> {
    const folder = await Folder.create();
    test.after(() => folder.dispose());
    return folder;
  }

  open(options: Partial<DirectoryOptions> = {}): ResourceSource {
    const onWarning = (text: string): void => void this.warnings.push(text);
    const source = openDirectory({ directory: this.path, lastGood: this.lastGood, onWarning, timing: TIMING, ...options });
    this.#sources.push(source);
    return source;
  }

  async start(options: Partial<DirectoryOptions> = {}): Promise<ResourceSource> {
    const source = this.open(options);
    await source.start();
    return source;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** `content`: text as it is, or a value as JSON. */
  async write(name: string, content: unknown): Promise<void> {
    await mkdir(dirname(this.at(name)), { recursive: true });
    await writeFile(this.at(name), typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content));
  }

  async remove(name: string): Promise<void> {
    await rm(this.at(name), { recursive: true });
  }

  async dispose(): Promise<void> {
    for (const source of this.#sources) await source.close();
    await rm(this.base, { recursive: true, force: true });
  }
}

export async function folderHarness(): Promise<SourceHarness> {
  const folder = await Folder.create();
  const elsewhere = `${folder.path}-away`;
  let away = false;
  const fileOf = (name: string): string => join(away ? elsewhere : folder.path, `${name}.json`);
  return {
    open: () => folder.open(),
    put: (object) => writeFile(fileOf(object.metadata.name), JSON.stringify(object)),
    delete: (object) => rm(fileOf(object.metadata.name)),
    away: async () => {
      away = true;
      await rename(folder.path, elsewhere);
    },
    back: async () => {
      away = false;
      await rename(elsewhere, folder.path);
    },
    dispose: () => folder.dispose(),
  };
}
