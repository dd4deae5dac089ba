import type { ApiObject } from '../../src/cluster/api-client.ts';
import { ipView } from '../../src/controller/overlay/ip-view.ts';
import type { ControlPlane } from '../lab/control-plane.ts';
import { ApiRefused } from '../lab/kubernetes/api.ts';
import { createNode, labelNode } from '../lab/kubernetes/objects.ts';
import { eventually } from './accounts.ts';
import type { ListeningAgents } from './listening-agents.ts';

const GROUP = 'fairlead.dev/v1alpha1';
const POOLS = `/apis/${GROUP}/overlaypools`;
const IPS = `/apis/${GROUP}/nodeoverlayips`;
const EVENTS = '/apis/events.k8s.io/v1/namespaces/default/events';
const LABEL = 'overlay';

/** A pool with one subnet of length 24, which nobody else uses. */
export interface PoolOfLife {
  readonly name: string;
  /** `spec.ipam` */
  readonly ipam: object;
  /** An address of its subnet that nobody gets who does not ask for it. */
  readonly far: string;
}

interface Events {
  readonly items: readonly {
    readonly reason: string;
    readonly reportingController: string;
    readonly regarding: { readonly name: string };
  }[];
}

/** All that can happen to a pool and its nodes, from its first address until nothing is left of it. */
export async function liveThrough(plane: ControlPlane, agents: ListeningAgents, pool: PoolOfLife): Promise<void> {
  const life = new Life(plane, agents, pool);
  await life.begin();
  await life.serve('stays', 'leaves', 'unselected');
  await life.ask('asks');
  await life.serve('asks');
  await life.askInVain('greedy');
  await life.loseNode('leaves');
  await life.unselect('unselected');
  await life.end('stays', 'asks', 'greedy');
}

class Life {
  readonly #plane: ControlPlane;
  readonly #agents: ListeningAgents;
  readonly #pool: PoolOfLife;

  constructor(plane: ControlPlane, agents: ListeningAgents, pool: PoolOfLife) {
    this.#plane = plane;
    this.#agents = agents;
    this.#pool = pool;
  }

  async begin(): Promise<void> {
    const { name, ipam } = this.#pool;
    const spec = { ipam, reclaim: { delay: '0s' }, nodeSelector: { matchLabels: { [LABEL]: name } } };
    await this.#plane.api.post(POOLS, { apiVersion: GROUP, kind: 'OverlayPool', metadata: { name }, spec });
  }

  /** These come, and get their addresses. */
  async serve(...nodes: readonly string[]): Promise<void> {
    for (const node of nodes) await this.#join(node);
    for (const node of nodes) await this.#served(node);
  }

  /** A user wants the far address for a node that has not come yet. */
  async ask(node: string): Promise<void> {
    const spec = { node: this.#nameOf(node), pool: this.#pool.name, addresses: [`${this.#pool.far}/24`] };
    await this.#plane.api.post(IPS, { apiVersion: GROUP, kind: 'NodeOverlayIP', metadata: { name: this.#ipOf(node) }, spec });
  }

  /** The same address for another node: the user hears that it is taken, and is content with any. */
  async askInVain(node: string): Promise<void> {
    await this.ask(node);
    await this.#join(node);
    await eventually(async () => (await this.#warningsAbout(node)).includes('AddressTaken'));
    await this.#plane.api.delete(this.#pathOf(node));
    await this.#served(node);
  }

  /** Its machine is no more, so no agent says that the address is off the device. */
  async loseNode(node: string): Promise<void> {
    this.#agents.leave(this.#nameOf(node));
    await this.#plane.api.delete(`/api/v1/nodes/${this.#nameOf(node)}`);
    await this.#gone(this.#pathOf(node));
  }

  async unselect(node: string): Promise<void> {
    await labelNode(this.#plane.api, this.#nameOf(node), { [LABEL]: null });
    await this.#gone(this.#pathOf(node));
  }

  /** The pool is deleted while these have their addresses. */
  async end(...nodes: readonly string[]): Promise<void> {
    await this.#plane.api.delete(`${POOLS}/${this.#pool.name}`);
    await this.#gone(`${POOLS}/${this.#pool.name}`);
    for (const node of nodes) await this.#gone(this.#pathOf(node));
  }

  async #join(node: string): Promise<void> {
    const name = this.#nameOf(node);
    await createNode(this.#plane.api, name, { labels: { [LABEL]: this.#pool.name } });
    await this.#agents.join(name);
  }

  async #served(node: string): Promise<void> {
    const isServed = (object: ApiObject): boolean => {
      const { granted, device, deleting } = ipView(object);
      return granted && device === 'InPlace' && !deleting;
    };
    await this.#plane.api.until<ApiObject>(this.#pathOf(node), isServed);
  }

  async #warningsAbout(node: string): Promise<readonly string[]> {
    const { items } = await this.#plane.api.get<Events>(EVENTS);
    const own = items.filter(({ regarding, reportingController }) => {
      return regarding.name === this.#ipOf(node) && reportingController === 'fairlead.dev/controller';
    });
    return own.map(({ reason }) => reason);
  }

  async #gone(path: string): Promise<void> {
    const isGone = (error: unknown): boolean => error instanceof ApiRefused && error.code === 404;
    await eventually(() => this.#plane.api.get(path).then(() => false, isGone));
  }

  /** No two pools have a node in common. */
  #nameOf(node: string): string {
    return `${this.#pool.name}-${node}`;
  }

  #ipOf(node: string): string {
    return `${this.#nameOf(node)}.${this.#pool.name}`;
  }

  #pathOf(node: string): string {
    return `${IPS}/${this.#ipOf(node)}`;
  }
}
