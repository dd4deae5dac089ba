import { ApiError, type WatchEvent } from '../../src/cluster/api-client.ts';
import type { FakeWatch } from '../../src/cluster/fake-api-watch.ts';
import { NODES } from '../../src/cluster/resource-types.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import { OverlayDevices } from './overlay-devices.ts';
import type { Stage } from './stage.ts';
import { ProcessClock } from './time.ts';

/**
 * The agents of all nodes, as far as overlay addresses are concerned. Each sees the world some time after it was so, and what it says is about
 * that.
 */
export class OverlayAgents {
  readonly #stage: Stage;
  readonly #clock: ProcessClock;
  readonly #watch: FakeWatch;
  readonly #devices = new OverlayDevices();
  /** Nodes whose agent does nothing. */
  readonly silent = new Set<string>();
  /** Machines that have begun to run: they do so also without a Node. */
  readonly #running = new Set<string>();
  /** Milliseconds until the agent of a node has heard of something. */
  delay: () => number = () => 20;
  /** When the agent of each node will have dealt with all that it has heard of: it takes one thing after the other. */
  readonly #busyUntil = new Map<string, number>();
  /** How often the agent of each node has begun: what an earlier one has heard of is nothing to the next, which has seen what there is. */
  readonly #lives = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#clock = new ProcessClock(stage.time);
    this.#watch = stage.world.watch(NODE_OVERLAY_IPS, { resourceVersion: stage.world.version });
    void this.#listen();
  }

  /** @see OverlayDevices.all */
  get devices(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#devices.all;
  }

  get changes(): number {
    return this.#devices.changes;
  }

  /** `192.168.100.2`, joined by blanks, on the device of a pool. */
  on(node: string, pool = 'default'): string {
    return [...this.#devices.on(node, pool)].join(' ');
  }

  /** The agent begins, and sees all that there is. */
  begin(node: string): void {
    this.silent.delete(node);
    this.#running.add(node);
    this.#lives.set(node, this.#lifeOf(node) + 1);
    const own = this.#stage.world.list(NODE_OVERLAY_IPS, { fieldSelector: `spec.node=${node}` }).items.map(ipView);
    this.#devices.vanish(node, new Set(own.map(({ pool }) => pool)));
    for (const view of own) this.#later(node, () => this.#take(view));
  }

  /** The machine is no more, and everything on it. */
  vanish(node: string): void {
    this.#running.delete(node);
    this.#devices.vanish(node);
  }

  close(): void {
    this.#watch.end();
  }

  async #listen(): Promise<void> {
    while (!this.#watch.ended) {
      for (const event of this.#watch.take()) this.#hear(event);
      await this.#watch.news;
    }
  }

  #hear(event: WatchEvent): void {
    if (event.type === 'BOOKMARK') return;
    const view = ipView(event.object);
    this.#later(view.node, () => (event.type === 'DELETED' ? this.#devices.put(view, []) : this.#take(view)));
  }

  #later(node: string, act: () => void): void {
    const at = Math.max(this.#clock.now() + this.delay(), this.#busyUntil.get(node) ?? 0);
    this.#busyUntil.set(node, at);
    const life = this.#lifeOf(node);
    this.#clock.after(at - this.#clock.now(), () => {
      if (life !== this.#lifeOf(node)) return;
      if (!this.silent.has(node) && this.#runs(node)) act();
    });
  }

  #runs(node: string): boolean {
    return this.#running.has(node) || this.#stage.world.find(NODES, { name: node }) !== undefined;
  }

  #lifeOf(node: string): number {
    return this.#lives.get(node) ?? 0;
  }

  #take(view: OverlayIPView): void {
    const words = this.#devices.take(view, this.#clock.date());
    try {
      if (words) this.#stage.world.apply(NODE_OVERLAY_IPS, words, { fieldManager: 'fairlead-agent', subresource: 'status' });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
