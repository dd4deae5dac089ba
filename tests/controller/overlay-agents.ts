import { ApiError, type WatchEvent } from '../../src/cluster/api-client.ts';
import type { FakeWatch } from '../../src/cluster/fake-api-watch.ts';
import { NODES } from '../../src/cluster/resource-types.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import type { Stage } from './stage.ts';
import { ProcessClock } from './time.ts';

/**
 * The agents of all nodes, as far as overlay addresses are concerned: what is granted is put on the device, what is deleted is taken off and
 * said to be so, what is not granted stays as it is. Each sees the world some time after it was so, and what it says is about that.
 */
export class OverlayAgents {
  readonly #stage: Stage;
  readonly #clock: ProcessClock;
  readonly #watch: FakeWatch;
  /** What is on the devices, by node and pool: `n1 default`. */
  readonly devices = new Map<string, ReadonlySet<string>>();
  /** How often that has changed. */
  changes = 0;
  /** Nodes whose agent does nothing. */
  readonly silent = new Set<string>();
  /** Milliseconds until the agent of a node has heard of something. */
  delay: () => number = () => 20;
  /** When the agent of each node will have dealt with all that it has heard of: it takes one thing after the other. */
  readonly #busyUntil = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#clock = new ProcessClock(stage.time);
    this.#watch = stage.world.watch(NODE_OVERLAY_IPS, { resourceVersion: stage.world.version });
    void this.#listen();
  }

  /** `192.168.100.2`, joined by blanks, on the device of a pool. */
  on(node: string, pool = 'default'): string {
    return [...(this.devices.get(`${node} ${pool}`) ?? [])].join(' ');
  }

  /** The agent begins, and sees all that there is. */
  begin(node: string): void {
    this.silent.delete(node);
    const own = this.#stage.world.list(NODE_OVERLAY_IPS, { fieldSelector: `spec.node=${node}` }).items.map(ipView);
    const pools = new Set(own.map(({ pool }) => pool));
    for (const key of this.devices.keys()) {
      const [name, pool = ''] = key.split(' ');
      if (name === node && !pools.has(pool)) this.devices.delete(key);
    }
    for (const view of own) this.#later(node, () => this.#take(view));
  }

  /** The machine is no more, and everything on it. */
  vanish(node: string): void {
    for (const key of this.devices.keys()) if (key.startsWith(`${node} `)) this.devices.delete(key);
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
    this.#later(view.node, () => (event.type === 'DELETED' ? this.#put(view, []) : this.#take(view)));
  }

  #later(node: string, act: () => void): void {
    const at = Math.max(this.#clock.now() + this.delay(), this.#busyUntil.get(node) ?? 0);
    this.#busyUntil.set(node, at);
    this.#clock.after(at - this.#clock.now(), () => {
      if (!this.silent.has(node) && this.#stage.world.find(NODES, { name: node })) act();
    });
  }

  #take(view: OverlayIPView): void {
    const wanted = view.addresses.map(({ address }) => address.text);
    if (view.deleting) {
      this.#put(view, []);
      this.#say(view, 'False', 'Removed');
    } else if (view.granted) {
      this.#put(view, wanted);
      this.#say(view, 'True', 'InPlace');
    } else {
      const there = this.devices.get(keyOf(view)) ?? new Set();
      const left = wanted.filter((address) => there.has(address));
      this.#put(view, left);
    }
  }

  #put(view: OverlayIPView, addresses: readonly string[]): void {
    this.changes++;
    if (addresses.length === 0) this.devices.delete(keyOf(view));
    else this.devices.set(keyOf(view), new Set(addresses));
  }

  /** Over the version that it has dealt with: what has changed meanwhile comes as well. */
  #say(view: OverlayIPView, status: 'True' | 'False', reason: 'InPlace' | 'Removed'): void {
    if (view.device === reason) return;
    const { name, version } = view;
    const lastTransitionTime = this.#clock.date().toISOString();
    const conditions = [{ type: 'DeviceReady', status, reason, message: '', lastTransitionTime }];
    const metadata = { name, resourceVersion: version };
    const object = { apiVersion: NODE_OVERLAY_IPS.apiVersion, kind: NODE_OVERLAY_IPS.kind, metadata, status: { conditions } };
    try {
      this.#stage.world.apply(NODE_OVERLAY_IPS, object, { fieldManager: 'fairlead-agent', subresource: 'status' });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

function keyOf({ node, pool }: OverlayIPView): string {
  return `${node} ${pool}`;
}
