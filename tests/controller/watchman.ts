import assert from 'node:assert/strict';
import type { FakeWatch } from '../../src/cluster/fake-api-watch.ts';
import type { OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { LedgerWatch, type Line } from './ledger-watch.ts';
import type { OverlayStage } from './overlay-stage.ts';

/** How long an agent may take to say that a deleted NodeOverlayIP is off its device, before it goes all the same. Milliseconds. */
const PATIENCE_MS = 300_000;

/** Sees every state that the pool `default`, its NodeOverlayIPs and the devices of the nodes are in, and says so when one must never be. */
export class Watchman {
  readonly #stage: OverlayStage;
  readonly #news: FakeWatch;
  readonly #watch = new LedgerWatch();
  /** By uid: since when it is being deleted. */
  readonly #leaving = new Map<string, number>();
  #version: string | undefined;
  #changes = -1;

  constructor(stage: OverlayStage) {
    this.#stage = stage;
    this.#news = stage.world.watch(NODE_OVERLAY_IPS, { resourceVersion: stage.world.version });
  }

  get ips(): readonly OverlayIPView[] {
    return this.#watch.ips;
  }

  get entries(): ReadonlyMap<string, Line> {
    return this.#watch.entries;
  }

  get given(): number {
    return this.#watch.given;
  }

  get back(): number {
    return this.#watch.back;
  }

  /** To be called whenever something may have changed. */
  look(): void {
    const ledger = this.#lookAtLedger();
    this.#lookAtObjects();
    if (!ledger && this.#changes === this.#stage.overlay.changes) return;
    this.#changes = this.#stage.overlay.changes;
    this.#checkDevices();
  }

  #lookAtLedger(): boolean {
    const pool = this.#stage.world.find(OVERLAY_POOLS, { name: 'default' });
    if (!pool || pool.metadata.resourceVersion === this.#version) return false;
    this.#version = pool.metadata.resourceVersion;
    this.#watch.pool(pool);
    return true;
  }

  #lookAtObjects(): void {
    for (const event of this.#news.take()) {
      const view = this.#watch.object(event);
      if (!view) continue;
      if (view.deleting && !this.#leaving.has(view.uid)) this.#leaving.set(view.uid, this.#stage.time.now);
      if (event.type === 'DELETED') this.#gone(view);
    }
  }

  /** Nobody would take its address off the device any more. */
  #gone(view: OverlayIPView): void {
    const since = this.#leaving.get(view.uid) ?? this.#stage.time.now;
    this.#leaving.delete(view.uid);
    if (this.#stage.time.now - since >= PATIENCE_MS) return;
    const left = this.#stage.overlay.on(view.node, view.pool);
    assert.equal(left, '', `the NodeOverlayIP of ${view.node} has gone, and ${left} is on its device`);
  }

  /** In the ledger before they are anywhere else, and out of it after they are nowhere else. */
  #checkDevices(): void {
    for (const [key, addresses] of this.#stage.overlay.devices) {
      const [node] = key.split(' ');
      for (const address of addresses) {
        const holder = this.entries.get(address)?.node;
        assert.equal(holder, node, `${address} is on the device of ${node}, and in the ledger it is that of ${holder ?? 'nobody'}`);
      }
    }
  }
}
