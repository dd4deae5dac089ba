import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiClient, ApiError, type WatchEvent } from '../../src/cluster/api-client.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import { OverlayDevices } from './overlay-devices.ts';

/** One life of a machine: its agent does one thing after the other, until it is no more. */
interface Machine {
  work: Promise<void>;
  gone: boolean;
}

/** The agents of all nodes, on a real API server, as far as overlay addresses are concerned. No two of them ever have the same address. */
export class RealOverlayAgents {
  readonly #client: ApiClient;
  readonly #machines = new Map<string, Machine>();
  readonly #delay: () => number;
  readonly devices = new OverlayDevices();
  /** What must never be, in words. */
  readonly faults: string[] = [];

  /** `delay`: milliseconds until an agent deals with something. */
  constructor(client: ApiClient, delay: () => number) {
    this.#client = client;
    this.#delay = delay;
  }

  /** To be called for every event of a watch, in order. */
  hear(event: WatchEvent): void {
    if (event.type === 'BOOKMARK') return;
    const view = ipView(event.object);
    const left = [...this.devices.on(view.node, view.pool)];
    // Nobody would take it off any more.
    if (event.type === 'DELETED' && left.length > 0) this.faults.push(`${view.name} has gone, and ${left.join(' ')} is on its device`);
    this.#later(view.node, () => this.#deal(view, event.type === 'DELETED'));
  }

  /** A machine is there, and its agent sees what there is. */
  async join(node: string): Promise<void> {
    assert.ok(!this.#machines.has(node));
    this.#machines.set(node, { work: Promise.resolve(), gone: false });
    const { items } = await this.#client.list(NODE_OVERLAY_IPS, { fieldSelector: `spec.node=${node}` });
    for (const object of items) this.#later(node, () => this.#deal(ipView(object), false));
  }

  /** It is no more: before anybody can know. */
  leave(node: string): void {
    const machine = this.#machines.get(node) ?? assert.fail(`${node} is not there`);
    machine.gone = true;
    this.#machines.delete(node);
    this.devices.vanish(node);
  }

  /** Resolves when every agent has done all that it has heard of. */
  async rest(): Promise<void> {
    await Promise.all([...this.#machines.values()].map(({ work }) => work));
  }

  #later(node: string, act: () => Promise<void>): void {
    const machine = this.#machines.get(node);
    if (!machine) return;
    machine.work = machine.work.then(async () => {
      await sleep(this.#delay());
      if (!machine.gone) await act();
    });
  }

  async #deal(view: OverlayIPView, deleted: boolean): Promise<void> {
    const words = deleted ? void this.devices.put(view, []) : this.devices.take(view, new Date());
    this.#check(view);
    if (!words) return;
    try {
      await this.#client.apply(NODE_OVERLAY_IPS, words, { fieldManager: 'fairlead-agent', subresource: 'status' });
    } catch (error) {
      // It has changed, or gone, and that is heard of as well.
      if (!(error instanceof ApiError && [404, 409].includes(error.status))) throw error;
    }
  }

  #check({ node, pool }: OverlayIPView): void {
    const own = this.devices.on(node, pool);
    for (const [key, others] of this.devices.all) {
      const twice = own.intersection(others);
      if (key !== `${node} ${pool}` && twice.size > 0) this.faults.push(`${[...twice].join(' ')} is on the devices of ${node} and ${key}`);
    }
  }
}
