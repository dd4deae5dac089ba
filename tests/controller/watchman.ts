import assert from 'node:assert/strict';
import type { FakeWatch } from '../../src/cluster/fake-api-watch.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import type { OverlayStage } from './overlay-stage.ts';

/** An entry of the ledger, as it is written. */
export interface Line {
  readonly address: string;
  readonly node: string;
  readonly since: string;
  readonly releasing?: boolean;
}

/** How long an agent may take to say that a deleted NodeOverlayIP is off its device, before it goes all the same. Milliseconds. */
const PATIENCE_MS = 300_000;

/** Sees every state that the pool `default`, its NodeOverlayIPs and the devices of the nodes are in, and says so when one must never be. */
export class Watchman {
  readonly #stage: OverlayStage;
  readonly #news: FakeWatch;
  readonly #views = new Map<string, OverlayIPView>();
  /** By uid: since when it is being deleted. */
  readonly #leaving = new Map<string, number>();
  #entries: ReadonlyMap<string, Line> = new Map();
  #version: string | undefined;
  #changes = -1;
  #given = 0;
  #back = 0;

  constructor(stage: OverlayStage) {
    this.#stage = stage;
    this.#news = stage.world.watch(NODE_OVERLAY_IPS, { resourceVersion: stage.world.version });
  }

  get ips(): readonly OverlayIPView[] {
    return [...this.#views.values()];
  }

  /** The ledger, by address. */
  get entries(): ReadonlyMap<string, Line> {
    return this.#entries;
  }

  /** Entries that there were, and those of them that are no more. */
  get given(): number {
    return this.#given;
  }

  get back(): number {
    return this.#back;
  }

  /** To be called whenever something may have changed. */
  look(): void {
    const ledger = this.#lookAtLedger();
    const objects = this.#lookAtObjects();
    const devices = this.#changes !== this.#stage.overlay.changes;
    this.#changes = this.#stage.overlay.changes;
    if (ledger || objects) this.#checkGrants();
    if (ledger || devices) this.#checkDevices();
  }

  /** It has each address once; what is new in it was given, what is gone was given back. */
  #lookAtLedger(): boolean {
    const pool = this.#stage.world.find(OVERLAY_POOLS, { name: 'default' });
    if (!pool || pool.metadata.resourceVersion === this.#version) return false;
    this.#version = pool.metadata.resourceVersion;
    const { ledger = [] } = (pool['status'] ?? {}) as { readonly ledger?: readonly Line[] };
    const now = new Map(ledger.map((line) => [line.address, line]));
    assert.equal(now.size, ledger.length, 'an address is in the ledger twice');
    for (const [address, line] of this.#entries) {
      const next = now.get(address);
      if (next && isSame(line, next)) assert.ok(next.releasing || !line.releasing, `${address} was being given back, and is so no longer`);
      else {
        assert.ok(line.releasing, `${address} has gone from ${line.node} without having been given back`);
        this.#back++;
      }
    }
    for (const [address, line] of now) if (!isSame(line, this.#entries.get(address))) this.#given++;
    this.#entries = now;
    return true;
  }

  #lookAtObjects(): boolean {
    const events = this.#news.take();
    for (const event of events) {
      if (event.type === 'BOOKMARK') continue;
      const view = ipView(event.object);
      if (event.type === 'DELETED') this.#gone(view);
      else this.#views.set(view.name, view);
      if (view.deleting && !this.#leaving.has(view.uid)) this.#leaving.set(view.uid, this.#stage.time.now);
    }
    return events.length > 0;
  }

  /** Nobody would take its address off the device any more. */
  #gone(view: OverlayIPView): void {
    this.#views.delete(view.name);
    const since = this.#leaving.get(view.uid) ?? this.#stage.time.now;
    this.#leaving.delete(view.uid);
    if (this.#stage.time.now - since >= PATIENCE_MS) return;
    const left = this.#stage.overlay.on(view.node, view.pool);
    assert.equal(left, '', `the NodeOverlayIP of ${view.node} has gone, and ${left} is on its device`);
  }

  #checkGrants(): void {
    for (const { granted, addresses, node } of this.#views.values()) {
      if (!granted) continue;
      for (const { address } of addresses) {
        const holder = this.#entries.get(address.text)?.node;
        assert.equal(holder, node, `${address} is granted to ${node}, and in the ledger it is that of ${holder ?? 'nobody'}`);
      }
    }
  }

  /** In the ledger before they are anywhere else, and out of it after they are nowhere else. */
  #checkDevices(): void {
    for (const [key, addresses] of this.#stage.overlay.devices) {
      const [node] = key.split(' ');
      for (const address of addresses) {
        const holder = this.#entries.get(address)?.node;
        assert.equal(holder, node, `${address} is on the device of ${node}, and in the ledger it is that of ${holder ?? 'nobody'}`);
      }
    }
  }
}

function isSame({ node, since }: Line, other: Line | undefined): boolean {
  return node === other?.node && since === other.since;
}
