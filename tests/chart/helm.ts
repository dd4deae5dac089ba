import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type parse, parseAllDocuments } from 'yaml';
import { program } from '../../tools/programs/programs.ts';
import { CommandFailed, type Result, Running } from '../lab/process.ts';

export const CHART = join(import.meta.dirname, '../../charts/fairlead');
/** Of the package, and so of chart and image. */
export const VERSION = (JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as { readonly version: string }).version;

/** An object as a template renders it; tests look into what they know is there. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: ReturnType<typeof parse>;
}

/** The real helm, with a home of its own, which vanishes with it. */
export class Helm implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'fairlead-helm-'));
  readonly #kubeconfig: string;

  /** Without a kubeconfig it knows no cluster. */
  constructor(kubeconfig = '/nowhere') {
    this.#kubeconfig = kubeconfig;
  }

  /** Whatever the exit status. */
  async try(...args: readonly string[]): Promise<Result> {
    const child = new Running('env', [`HOME=${this.#home}`, `KUBECONFIG=${this.#kubeconfig}`, program('helm'), ...args]);
    child.finishInput();
    return child.ended;
  }

  /** Standard output. @throws CommandFailed */
  async run(...args: readonly string[]): Promise<string> {
    const result = await this.try(...args);
    if (result.code !== 0) throw new CommandFailed(`helm ${args.join(' ')}`, result);
    return result.stdout;
  }

  /** What a release of this name would be. `args` as in `--set a=b`. */
  async render(args: readonly string[] = [], { name = 'fairlead', namespace = 'fairlead-system' } = {}): Promise<readonly Manifest[]> {
    return manifests(await this.run('template', name, CHART, '--namespace', namespace, ...args));
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}

export function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

/** The one object of a kind and name. @throws Error when there is none */
export function find(objects: readonly Manifest[], kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found)
    throw new Error(`there is no ${kind} ${name} among ${objects.map((each) => `${each.kind} ${each.metadata.name}`).join(', ')}`);
  return found;
}
