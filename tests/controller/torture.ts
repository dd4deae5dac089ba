import assert from 'node:assert/strict';
import { ApiError } from '../../src/cluster/api-client.ts';
import type { FakeCall } from '../../src/cluster/fake-api.ts';
import type { FakeWatch } from '../../src/cluster/fake-api-watch.ts';
import { NODES } from '../../src/cluster/resource-types.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import { OverlayStage } from './overlay-stage.ts';
import type { Process } from './stage.ts';
import { dice, type Figures, type Line, type TortureOptions } from './torture-options.ts';

/** Nodes that there are at once, at most; and zones, of which each has its range. */
const MOST_NODES = 40;
const ZONES = ['a', 'b'] as const;
const CONTROLLERS = 3;
const SELECTED = { overlay: 'yes' } as const;
/** Sim time: milliseconds. */
const HOUR = 3_600_000;

/**
 * Three controllers, none of which believes that another leads, serve nodes that come and go. Each is stopped dead at requests that chance
 * picks, before they take effect or before their answer is there, and another begins; requests and watches are late; agents fall silent;
 * users delete NodeOverlayIPs, and ask for addresses. After every write it is checked that no address is in use twice.
 */
export async function torture(options: TortureOptions): Promise<Figures> {
  const random = Math.random;
  const chance = dice(options.seed);
  Math.random = chance;
  const run = new Torture(options, chance);
  try {
    await run.disturb();
    await run.rest();
    return run.figures;
  } catch (error) {
    throw new Error(`seed ${options.seed}: ${error instanceof Error ? error.message : String(error)}\n${run.trace()}`, { cause: error });
  } finally {
    Math.random = random;
    await run.close();
  }
}

class Torture {
  readonly #options: TortureOptions;
  readonly #chance: () => number;
  readonly #stage = new OverlayStage();
  readonly #all: Process[] = [];
  readonly #providers = new Map<Process, readonly IpamProvider[]>();
  readonly #alive = new Set<Process>();
  /** Where those are who were stopped dead: no answer ever comes. */
  readonly #grave = Promise.withResolvers<never>();
  /** The NodeOverlayIPs, by name, and what has happened to them since. */
  readonly #views = new Map<string, OverlayIPView>();
  readonly #news: FakeWatch;
  #entries: ReadonlyMap<string, Line> = new Map();
  readonly #trace: string[] = [];
  #calm = false;
  #version = '';
  #changes = -1;
  #given = 0;
  #back = 0;
  #crashes = 0;
  #stalls = 0;
  #calls = 0;
  #writes = 0;
  #processes = 0;
  #names = 0;
  #asking = 0;

  constructor(options: TortureOptions, chance: () => number) {
    this.#options = options;
    this.#chance = chance;
    this.#grave.promise.catch(() => undefined);
    this.#news = this.#stage.world.watch(NODE_OVERLAY_IPS, { resourceVersion: this.#stage.world.version });
    const { overlay, time } = this.#stage;
    overlay.delay = () => this.#upTo(this.#oneIn(20) ? 3_000 : 100);
    time.busy = () => this.#asking > 0;
    this.#stage.putPoolSpec('default', options.spec);
    for (let i = 0; i < CONTROLLERS; i++) this.#begin();
    for (let i = 0; i < MOST_NODES / 2; i++) this.#join();
  }

  get figures(): Figures {
    const minutes = Math.round(this.#stage.time.now / 6_000) / 10;
    const counts = { given: this.#given, back: this.#back, crashes: this.#crashes, stalls: this.#stalls };
    return { seed: this.#options.seed, ...counts, writes: this.#writes, calls: this.#calls, minutes };
  }

  trace(): string {
    return this.#trace.slice(-80).join('\n');
  }

  /** Until there were as many turns as was asked for. */
  async disturb(): Promise<void> {
    while (this.#given < this.#options.turns || this.#back < this.#options.turns) {
      await this.#advance(this.#upTo(400));
      this.#act();
      this.#options.progress?.(this.figures);
      assert.ok(this.#stage.time.now < 500 * HOUR, 'there is no end to it');
    }
  }

  /** Nothing goes wrong any more, and everything must come to its end. */
  async rest(): Promise<void> {
    this.#calm = true;
    this.#note('--- calm');
    await this.#options.outside.calm?.();
    for (const node of [...this.#stage.overlay.silent]) this.#speak(node);
    for (const name of this.#selected().slice(30)) this.#leave(name);
    await this.#advance(HOUR / 2);
    for (const view of this.#ips()) if (!view.granted && !view.deleting) this.#stage.drop(view.node);
    await this.#advance(HOUR);
    this.#checkRest();
  }

  /** Also of those that were stopped dead: what they wait for ends now. */
  async close(): Promise<void> {
    this.#calm = true;
    this.#grave.reject(new ApiError('it is over', { status: 0, reason: 'Unreachable' }));
    let open = true;
    const closing = Promise.all(this.#all.map(({ controller }) => controller.close())).finally(() => {
      open = false;
    });
    while (open) await this.#stage.time.advance(60_000);
    await closing;
    this.#stage.overlay.close();
  }

  async #advance(milliseconds: number): Promise<void> {
    await this.#stage.time.advance(milliseconds, () => this.#check());
    for (const { bug } of this.#stage.processes) if (bug !== undefined) throw bug;
  }

  #upTo(most: number): number {
    return Math.floor(this.#chance() * most);
  }

  #oneIn(many: number): boolean {
    return this.#chance() * many < 1;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#chance() * items.length)];
  }

  #note(words: string): void {
    this.#trace.push(`${(this.#stage.time.now / 1000).toFixed(3)} ${words}`);
  }

  // What people and machines do.

  #act(): void {
    this.#options.outside.disturb?.(this.#chance);
    const roll = this.#chance();
    const nodes = [...this.#stage.agents.keys()];
    const node = this.#pick(nodes);
    if (nodes.length < 10 || (roll < 0.4 && nodes.length < MOST_NODES)) this.#join();
    else if (!node) return;
    else if (roll < 0.7) this.#leave(node);
    else if (roll < 0.8) this.#relabel(node);
    else if (roll < 0.86) this.#drop(node);
    else if (roll < 0.92) this.#ask(node);
    else if (roll < 0.94) this.#fallSilent(node);
    else if (roll < 0.98) this.#speak(this.#pick([...this.#stage.overlay.silent]));
    else this.#pick([...this.#alive])?.api.cutWatches();
  }

  /** A machine under a new name, or under that of one before. */
  #join(): void {
    const known = this.#oneIn(3) ? `n${1 + this.#upTo(Math.max(this.#names, 1))}` : undefined;
    const name = known !== undefined && !this.#stage.agents.has(known) ? known : `n${++this.#names}`;
    this.#note(`join ${name}`);
    this.#stage.join(name, { 'topology.kubernetes.io/zone': this.#pick(ZONES) ?? 'a', ...(this.#oneIn(8) ? {} : SELECTED) });
  }

  #leave(name: string): void {
    this.#note(`leave ${name}`);
    this.#stage.removeNode(name);
  }

  #relabel(name: string): void {
    const { labels = {} } = this.#stage.world.get(NODES, { name }).metadata;
    const { overlay, ...others } = labels;
    this.#note(`${overlay ? 'deselect' : 'select'} ${name}`);
    this.#stage.putNode(name, { labels: overlay ? others : { ...others, ...SELECTED } });
  }

  #drop(name: string): void {
    this.#note(`drop ${name}`);
    this.#stage.drop(name);
  }

  #ask(name: string): void {
    if (this.#stage.ip(name)) this.#drop(name);
    if (this.#stage.ip(name)) return;
    const zone = this.#stage.world.get(NODES, { name }).metadata.labels?.['topology.kubernetes.io/zone'];
    const address = `192.168.${zone === 'a' ? 100 : 101}.${this.#upTo(64)}/26`;
    this.#note(`ask ${name} ${address}`);
    this.#stage.ask(name, [address]);
  }

  #fallSilent(name: string): void {
    this.#note(`silent ${name}`);
    this.#stage.overlay.silent.add(name);
    const agent = this.#stage.agents.get(name);
    if (agent) agent.dead = true;
  }

  #speak(name: string | undefined): void {
    if (name === undefined) return;
    this.#note(`speak ${name}`);
    this.#stage.overlay.silent.delete(name);
    const agent = this.#stage.agents.get(name);
    if (!agent) return;
    agent.dead = false;
    agent.look();
    this.#stage.overlay.begin(name);
  }

  // What befalls the controllers.

  #begin(): void {
    const name = `c${++this.#processes}`;
    const process = this.#stage.start(name, {
      namespace: name,
      openProvider: (pool, owner) => this.#unreliable(this.#options.outside.open(pool, owner.clock), owner),
    });
    this.#all.push(process);
    this.#alive.add(process);
    process.api.before = (call) => this.#boundary(process, describe(call), 'before');
    process.api.after = (call) => {
      if (!READS.includes(call.verb)) {
        this.#writes++;
        this.#note(`${name} did ${describe(call)}`);
        this.#check();
      }
      return this.#boundary(process, describe(call), 'after');
    };
    process.api.lag = () => (!this.#calm && this.#oneIn(10) ? this.#late(3_000) : undefined);
  }

  /** Where it may end. */
  #boundary(process: Process, what: string, when: 'before' | 'after'): void | Promise<void> {
    if (!this.#alive.has(process)) return this.#grave.promise;
    this.#calls++;
    if (this.#calm || what.includes('leases')) return undefined;
    if (this.#oneIn(500)) {
      this.#crash(process, `${when} ${what}`);
      return this.#grave.promise;
    }
    if (!this.#oneIn(30)) return undefined;
    this.#stalls++;
    const milliseconds = this.#upTo(this.#oneIn(3) ? 30_000 : 2_000);
    return this.#late(milliseconds).then(() => (this.#alive.has(process) ? undefined : this.#grave.promise));
  }

  #late(most: number): Promise<void> {
    const due = this.#stage.time.now + this.#upTo(most);
    return new Promise((resolve) => this.#stage.after(due - this.#stage.time.now, resolve));
  }

  #crash(process: Process, where: string): void {
    this.#note(`crash ${process.name} ${where}`);
    this.#crashes++;
    this.#alive.delete(process);
    process.api.cutWatches();
    // What it has sent arrives; nothing more is sent.
    for (const provider of this.#providers.get(process) ?? []) void provider.close();
    process.clock.paused = true;
    this.#stage.time.forget(process.clock);
    this.#stage.processes.splice(this.#stage.processes.indexOf(process), 1);
    this.#stage.after(this.#upTo(3_000), () => this.#begin());
  }

  #unreliable(provider: IpamProvider, owner: Process): IpamProvider {
    this.#providers.set(owner, [...(this.#providers.get(owner) ?? []), provider]);
    const passed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      await this.#boundary(owner, what, 'before');
      const result = await this.#wait(work);
      await this.#boundary(owner, what, 'after');
      return result;
    };
    return {
      look: (signal) => passed('look', () => provider.look(signal)),
      claim: (holdings, signal) => passed('claim', () => provider.claim(holdings, signal)),
      release: (holdings, signal) => passed('release', () => provider.release(holdings, signal)),
      close: () => provider.close(),
    };
  }

  /** Over a real socket time does not pass. */
  async #wait<T>(work: () => Promise<T>): Promise<T> {
    this.#asking++;
    try {
      return await work();
    } finally {
      this.#asking--;
    }
  }

  // What must be true.

  #ips(): readonly OverlayIPView[] {
    for (const event of this.#news.take()) {
      if (event.type === 'BOOKMARK') continue;
      const view = ipView(event.object);
      if (event.type === 'DELETED') this.#views.delete(view.name);
      else this.#views.set(view.name, view);
    }
    return [...this.#views.values()];
  }

  #check(): void {
    this.#checkDevices();
    if (this.#version === this.#stage.world.version) return;
    this.#version = this.#stage.world.version;
    this.#checkLedger();
    const users = new Map<string, string>();
    for (const view of this.#ips()) {
      if (!view.granted) continue;
      for (const { address } of view.addresses) {
        assert.equal(
          this.#entries.get(address.text)?.node,
          view.node,
          `${address} is granted to ${view.node}, and the ledger does not have it so`,
        );
        const inUse = view.device !== 'Removed' || this.#stage.world.find(NODES, { name: view.node }) !== undefined;
        const other = users.get(address.text);
        assert.ok(!inUse || other === undefined, `${address} is granted to ${view.node} and to ${other}`);
        if (inUse) users.set(address.text, view.node);
      }
    }
  }

  #checkDevices(): void {
    if (this.#changes === this.#stage.overlay.changes) return;
    this.#changes = this.#stage.overlay.changes;
    const users = new Map<string, string>();
    for (const [key, addresses] of this.#stage.overlay.devices) {
      for (const address of addresses) {
        assert.equal(users.get(address), undefined, `${address} is on the devices of ${key} and ${users.get(address)}`);
        users.set(address, key);
      }
    }
  }

  /** The ledger has each address once; what is new in it was given, what is gone was given back. */
  #checkLedger(): void {
    const { ledger = [] } = (this.#stage.world.get(OVERLAY_POOLS, { name: 'default' })['status'] ?? {}) as {
      readonly ledger?: readonly Line[];
    };
    const now = new Map(ledger.map((line) => [line.address, line]));
    assert.equal(now.size, ledger.length, 'an address is in the ledger twice');
    for (const [address, { node, releasing }] of this.#entries) {
      if (now.get(address)?.node === node) continue;
      assert.ok(releasing, `${address} has gone from ${node} without having been given back`);
      this.#back++;
    }
    for (const [address, { node }] of now) if (this.#entries.get(address)?.node !== node) this.#given++;
    this.#entries = now;
  }

  #selected(): readonly string[] {
    const nodes = this.#stage.world.list(NODES, { labelSelector: 'overlay=yes' }).items;
    return nodes.map(({ metadata }) => metadata.name);
  }

  #checkRest(): void {
    const nodes = [...this.#selected()].sort();
    const ips = this.#ips();
    assert.deepEqual(ips.map(({ node }) => node).sort(), nodes, 'there is one NodeOverlayIP for each selected node');
    assert.deepEqual([...this.#entries.values()].map(({ node }) => node).sort(), nodes, 'there is one entry for each selected node');
    for (const { node, addresses, granted, device } of ips) {
      const [own] = addresses;
      assert.ok(granted && device === 'InPlace', `${node} is served`);
      assert.equal(this.#entries.get(own?.address.text ?? '')?.node, node);
      assert.equal(this.#stage.overlay.on(node), own?.address.text);
    }
    assert.equal(this.#stage.overlay.devices.size, nodes.length);
    assert.deepEqual(this.#options.outside.left?.(this.#entries) ?? [], []);
    assert.match(this.#stage.message('default', 'ready'), /^True AllNodesServed/);
    assert.match(this.#stage.message('default', 'degraded'), /^False NoProblem/);
  }
}

const READS: readonly FakeCall['verb'][] = ['get', 'list', 'watch'];

function describe({ verb, resource, name }: FakeCall): string {
  return `${verb} ${resource}${name === undefined ? '' : ` ${name}`}`;
}
