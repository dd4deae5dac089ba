import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../tests/lab/host.ts';
import { Lab } from '../tests/lab/lab.ts';
import { AgentProcess } from './agent-process.ts';
import { Witness } from './witness.ts';
import { DEVICE, TOPOLOGY } from './world.ts';

/** A node with an empty kernel, and folders for agents on it. All of it vanishes with its scope. */
export class BenchNode implements AsyncDisposable {
  readonly host: Host;
  readonly deviceIndex: number;
  readonly folder: string;
  readonly #lab: Lab;
  #agents = 0;

  private constructor(lab: Lab, deviceIndex: number) {
    this.#lab = lab;
    this.host = lab.host('node');
    this.deviceIndex = deviceIndex;
    this.folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  }

  static async create(): Promise<BenchNode> {
    const lab = await Lab.create(TOPOLOGY);
    return new BenchNode(lab, Number(await lab.host('node').check('cat', `/sys/class/net/${DEVICE}/ifindex`)));
  }

  get netns(): string {
    return `/run/netns/${this.host.namespace}`;
  }

  /** A new agent that remembers nothing. */
  startAgent(manifests: string, environment: readonly string[] = []): AgentProcess {
    return AgentProcess.start(this.host, manifests, join(this.folder, `agent-${++this.#agents}`), environment);
  }

  witness(): Witness {
    return new Witness(this.host.namespace);
  }

  /** @throws Error when there are not exactly `count` routes of ours, all of them through `gateway`. */
  async expectRoutes(count: number, gateway: string): Promise<void> {
    const lines = (await this.host.ip(`-4 route show proto 201 via ${gateway}`)).split('\n').filter((line) => line !== '');
    if (lines.length !== count) throw new Error(`${lines.length} of ${count} routes go through ${gateway} though the last one does`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
