import { randomBytes } from 'node:crypto';
import { Host } from './host.ts';
import { requirePrerequisites } from './prerequisites.ts';
import { type Running, runChecked } from './process.ts';
import { destroy, type LabRecord, remember, sweep } from './record.ts';
import { hostNames, hostScript, linkBatch, routeBatch, type Topology } from './topology.ts';

/**
 * A network of hosts, each a network namespace of this machine.
 *
 *     await using lab = await Lab.create({
 *       hosts: { a: {}, b: {} },
 *       links: [{ name: 'wire', ends: { 'a:eth0': ['10.0.0.1/24'], 'b:eth0': ['10.0.0.2/24'] } }],
 *     });
 *     await lab.host('a').ping('10.0.0.2');
 *
 * It vanishes with its scope, when the process ends, and, after a SIGKILL, when any process next creates a lab.
 */
export class Lab implements AsyncDisposable {
  readonly topology: Topology;
  readonly #record: LabRecord;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #processes = new Set<Running>();

  private constructor(topology: Topology, record: LabRecord, namespace: (host: string) => string) {
    this.topology = topology;
    this.#record = record;
    const host = (name: string) => new Host(name, namespace(name), this.#processes);
    this.#hosts = new Map(hostNames(topology).map((name) => [name, host(name)]));
  }

  /**
   * Builds the hosts and links; addresses and routes are usable at once.
   * @throws MissingPrerequisite naming the package to install
   * @throws CommandFailed when the topology is not possible; nothing of it is left then
   */
  static async create(topology: Topology): Promise<Lab> {
    await requirePrerequisites();
    sweep();
    const id = randomBytes(3).toString('hex');
    const namespace = (host: string) => `fl${id}-${host}`;
    const lab = new Lab(topology, remember(id, hostNames(topology).map(namespace)), namespace);
    try {
      await runChecked('ip', ['-batch', '-'], linkBatch(topology, namespace));
      await lab.#eachHost((host) => runChecked('ip', ['netns', 'exec', host.namespace, 'sh'], hostScript(topology, host.name)));
      await lab.#eachHost((host) => runChecked('ip', ['-n', host.namespace, '-batch', '-'], routeBatch(topology, host.name)));
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** An empty folder that is removed with the lab. */
  get folder(): string {
    return this.#record.folder;
  }

  /** @throws Error when the topology has no such host */
  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`lab: no host "${name}"; there are ${[...this.#hosts.keys()].join(', ')}`);
    return host;
  }

  /** Ends every process in the lab and removes it. May be called again. */
  async close(): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL');
    destroy(this.#record);
    await Promise.all([...this.#processes].map((child) => child.ended));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #eachHost(task: (host: Host) => Promise<unknown>): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(task));
  }
}
