import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { API_PORT, authorityOf } from '../kubernetes/commands.ts';
import { createNode } from '../kubernetes/objects.ts';
import { Authority } from '../kubernetes/pki.ts';
import { Lab } from '../lab.ts';
import { destroy, type LabRecord, remember } from '../record.ts';
import { hierarchies, makeCgroups } from './cgroups.ts';
import { API_ADDRESS, API_HOST, type ClusterNetwork, clusterTopology, type NodeAddresses, nodeAddresses } from './network.ts';
import { ClusterNode } from './node.ts';
import { writeNodeFiles } from './node-files.ts';
import { nodeRoot } from './root.ts';

/** The kubelets wait for this file in /etc/kubernetes, so that they do not begin with failures. */
const API_HAS_SERVED = 'api-has-served';
const ZONE = 'topology.kubernetes.io/zone';

export interface ClusterOptions extends ClusterNetwork {
  /** How many; default 3. They are n1, n2, ... */
  readonly nodes?: number;
  /** Of each node in its order, as a cloud would label them. Default: none has one. */
  readonly zones?: readonly string[];
}

/**
 * Starts a cluster of real nodes on this machine and resolves when all are Ready (about 11 s for three; 700 MB). Each node is a set of
 * namespaces with kubelet, containerd, runc and kube-proxy; the API server is on the host `api`.
 *
 *     await using cluster = await startCluster();
 *     await cluster.plane.kubectl(['get', 'nodes']);
 *
 * It vanishes with its scope and with this process.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const base = await nodeRoot();
  const nodes = nodeAddresses(options.nodes ?? 3);
  const lab = await Lab.create(clusterTopology(nodes, options));
  const cluster = new Cluster(lab, nodes, options, base);
  try {
    await cluster.start();
  } catch (error) {
    const logs = cluster.nodes.map((node) => node.troubles()).join('\n');
    await cluster.close();
    throw new Error(`${error instanceof Error ? error.message : error}\n${logs}`, { cause: error });
  }
  return cluster;
}

export class Cluster implements AsyncDisposable {
  readonly lab: Lab;
  readonly nodes: readonly ClusterNode[];
  readonly #record: LabRecord;
  readonly #addresses: readonly NodeAddresses[];
  readonly #options: ClusterOptions;
  #plane: ControlPlane | undefined;

  constructor(lab: Lab, addresses: readonly NodeAddresses[], options: ClusterOptions, base: string) {
    const id = randomBytes(3).toString('hex');
    const all = hierarchies();
    const cgroups = (name: string) => all.map(({ folder }) => join(folder, `fl${id}-${name}`));
    this.lab = lab;
    this.#addresses = addresses;
    this.#options = options;
    this.#record = remember(
      id,
      [],
      addresses.flatMap(({ name }) => cgroups(name)),
    );
    this.nodes = addresses.map(({ name }) => {
      const folder = join(this.#record.folder, name);
      return new ClusterNode(lab, name, { folder, base, hierarchies: all, cgroups: makeCgroups(`fl${id}-${name}`, all) });
    });
  }

  /** The control plane, with `kubectl` and the administrator's API. */
  get plane(): ControlPlane {
    if (this.#plane === undefined) throw new Error('the cluster has not started');
    return this.#plane;
  }

  /** Where the nodes keep their files; vanishes with it. */
  get folder(): string {
    return this.#record.folder;
  }

  /** @throws Error when there is none of this name */
  node(name: string): ClusterNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined)
      throw new Error(`the cluster has no node "${name}"; there are ${this.nodes.map((each) => each.name).join(', ')}`);
    return node;
  }

  /** Boots the nodes while the API server starts, and resolves when all are Ready, or registered when pods have no network. */
  async start(): Promise<void> {
    const authority = new Authority('cluster-ca');
    const place = { host: this.lab.host(API_HOST), address: API_ADDRESS };
    const plane = startControlPlane({ place, authority, controllerManager: true, scheduler: true });
    for (const [index, node] of this.nodes.entries()) this.#boot(node, index, authority);
    this.#plane = await plane;
    await Promise.all(
      this.#addresses.map(({ name, addresses, podRanges }, index) => {
        const zone = this.#options.zones?.[index];
        const labels = zone === undefined ? {} : { [ZONE]: zone };
        return createNode(this.plane.api, name, { labels, addresses, podCIDRs: podRanges, ready: false });
      }),
    );
    for (const { name } of this.nodes) writeFileSync(join(this.#folderOf(name), API_HAS_SERVED), '');
    await Promise.all(this.nodes.map(({ name }) => this.#registered(name)));
    if (this.#options.podNetwork !== false) await Promise.all(this.nodes.map(({ name }) => this.ready(name)));
  }

  /** Resolves when the kubelet of a node says that it is Ready, having said so after `since`. */
  async ready(name: string, since = new Date(0)): Promise<void> {
    await this.plane.api.until<NodeObject>(`/api/v1/nodes/${name}`, ({ status }) => {
      const ready = status.conditions.find(({ type }) => type === 'Ready');
      return ready?.status === 'True' && new Date(ready.lastHeartbeatTime) >= since;
    });
  }

  /** Makes an image known to every node. */
  async loadImage(archive: string): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.loadImage(archive)));
  }

  /** Ends everything and removes it. May be called again. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map(({ machine }) => machine.kill()));
    await this.#plane?.stop();
    await this.lab.close();
    destroy(this.#record);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #boot(node: ClusterNode, index: number, authority: Authority): void {
    const addresses = this.#addresses[index];
    if (addresses === undefined) throw new Error(`${node.name} has no addresses`);
    const server = `https://${authorityOf(API_ADDRESS, API_PORT)}`;
    const podNetwork = this.#options.podNetwork !== false;
    writeNodeFiles(this.#folderOf(node.name), { ...addresses, server, authority, podNetwork });
    node.machine.start();
  }

  #folderOf(name: string): string {
    return join(this.#record.folder, name, 'kubernetes');
  }

  async #registered(name: string): Promise<void> {
    await this.plane.api.until<NodeObject>(`/api/v1/nodes/${name}`, ({ status }) => !!status.nodeInfo?.kubeletVersion);
  }
}

/** core/v1 Node, as far as it is read here. */
interface NodeObject {
  readonly status: {
    readonly nodeInfo?: { readonly kubeletVersion: string };
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly lastHeartbeatTime: string }[];
  };
}
