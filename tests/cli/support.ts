import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providersOf } from '../../src/bin/open-provider.ts';
import type { Adapters, ClusterOptions, Place } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { readUsage } from '../../src/cli/usage.ts';
import { FakeCluster } from '../../src/cluster/fake.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { route } from '../core/builders.ts';

/** What a command did, as a script sees it. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A world for commands: a fake kernel, fake resources and a folder of their own. */
export class Bench {
  readonly kernel = new FakeKernel();
  readonly cluster = new FakeCluster();
  /** The cluster that commands speak to. */
  readonly api = new FakeApi();
  readonly folder: string;
  /** How often a command asked for the kernel. */
  kernelsOpened = 0;
  /** How each cluster was asked for. */
  readonly clustersOpened: ClusterOptions[] = [];
  /** Why there is no cluster. */
  noCluster: string | undefined;
  /** Called before each request of a command to the cluster. */
  apiBefore: FakeApi['before'] = () => {};

  constructor(folder: string) {
    this.folder = folder;
    const [eth0, eth1] = [this.kernel.addLink('eth0'), this.kernel.addLink('eth1')];
    this.kernel.addAddress('eth0', '203.0.113.10/24');
    this.kernel.addAddress('eth1', '10.1.0.10/24');
    this.kernel.addRoute(route('default', '203.0.113.1', eth0));
    this.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', eth1));
  }

  /** Lends a bench to a test and clears it away. */
  static async with(use: (bench: Bench) => Promise<void>): Promise<void> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'fairlead-cli-')));
    try {
      await use(bench);
    } finally {
      await rm(bench.folder, { recursive: true, force: true });
    }
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  put(name: string, spec: object): void {
    this.cluster.world.put({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec });
  }

  /** Runs a command as the composition root would, with folders of the bench. Errors are for the caller. */
  async run(name: string, ...args: readonly string[]): Promise<Ran> {
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (!command) throw new Error(`there is no command ${name}`);
    const out: string[] = [];
    const err: string[] = [];
    const terminal = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text), colours: false };
    const line = readUsage(command, args);
    const status = await command.run({ line, terminal, adapters: this.#adapters(), version: '1.2.3' });
    return { status, out: out.join(''), err: err.join('') };
  }

  /** The flags that name this node and its folders. */
  get here(): readonly string[] {
    return ['--node', 'n1', '--state', this.path('state'), '--status', this.path('status')];
  }

  get #place(): Place {
    return { words: 'a fake', sink: this.cluster, openSource: () => this.cluster, close: async () => {} };
  }

  #adapters(): Adapters {
    return {
      openKernel: async () => {
        this.kernelsOpened++;
        return this.kernel;
      },
      openFolder: () => Promise.resolve(this.#place),
      openCluster: async (options) => {
        if (this.noCluster !== undefined) throw new CommandFailed(this.noCluster);
        this.clustersOpened.push(options);
        const client = new FakeApi(this.api.world);
        client.before = this.apiBefore;
        return {
          client,
          namespace: async () => undefined,
          controller: (wanted) => ({ events: { record: () => {} }, openProvider: providersOf({ ...wanted, client, clock: systemClock }) }),
          node: () => this.#place,
        };
      },
      crds: async () => 'the definitions\n',
    };
  }
}
