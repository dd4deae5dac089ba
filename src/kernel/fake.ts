import { type Change, type Drift, type DriftEvent, type Failure, isRouteChange } from '../core/change.ts';
import type { InterfaceAddress, NodeFacts, Rule } from '../core/facts.ts';
import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { formatRoute } from '../core/render.ts';
import { type DeviceRef, PROTOCOL_FAIRLEAD, type Route, RouteIndex } from '../core/route.ts';
import { FakeNetwork, type Refusal } from './fake-network.ts';
import type { Kernel, Observation, ProbeAnswer, Purged } from './kernel.ts';
import { KernelUnavailable } from './kernel.ts';

/** Who did it, when the test is the outsider. */
const OUTSIDER = 'outsider (4711)';

/**
 * The host network in memory: answers as the real one does, and lets a test be everybody else on the machine.
 * The outsider's methods behave as the `ip` command and throw Error where that would fail.
 */
export class FakeKernel implements Kernel {
  /** What `now` answers; a test moves it. */
  micros = 0;
  /** What `missingPermission` answers. */
  lacks: string | undefined;
  /** Prefixes of routes that `purge` cannot remove. */
  keeps: readonly string[] = [];
  /** Every change that was tried, in order. */
  readonly log: Change[] = [];
  readonly #network = new FakeNetwork();
  readonly #owned = new RouteIndex();
  readonly #listeners: (() => void)[] = [];
  readonly #ourRpFilters = new Map<number, number>();
  readonly #failures: Refusal[] = [];
  #facts: NodeFacts | undefined;
  #drift: Drift[] = [];
  #unavailable: string | undefined;

  async observe(): Promise<Observation> {
    this.#mustAnswer();
    this.#facts ??= this.#read();
    return { facts: this.#facts, owned: this.#owned };
  }

  invalidate(): void {}

  watch(listener: () => void): void {
    this.#listeners.push(listener);
  }

  takeDrift(): readonly Drift[] {
    const taken = this.#drift;
    this.#drift = [];
    return taken;
  }

  async apply(changes: readonly Change[]): Promise<readonly Failure[]> {
    this.#mustAnswer();
    return changes.flatMap((change) => {
      this.log.push(change);
      const refusal = this.#failures.shift() ?? this.#carryOut(change);
      return refusal ? [{ change, ...refusal }] : [];
    });
  }

  async probe(): Promise<ProbeAnswer> {
    throw new KernelUnavailable('this kernel adapter cannot probe');
  }

  async purge(): Promise<Purged> {
    this.#mustAnswer();
    const marked = [...this.#network.routes.values()].filter((route) => route.spec.protocol === PROTOCOL_FAIRLEAD);
    const gone = marked.filter(({ prefix }) => !this.keeps.includes(prefix.text));
    for (const route of gone) {
      this.#network.routes.delete(route);
      this.#owned.delete(route);
    }
    this.#facts = undefined;
    return { removed: gone.map(formatRoute), left: marked.filter((route) => !gone.includes(route)).map(formatRoute) };
  }

  missingPermission(): string | undefined {
    return this.lacks;
  }

  now(): number {
    return this.micros;
  }

  close(): void {
    this.#listeners.length = 0;
  }

  /** The next change fails with this. May be called several times, for the changes after it. */
  failNext(code: string, message = `injected ${code}`): void {
    this.#failures.push({ code, message });
  }

  /** From now on `observe` and `apply` throw KernelUnavailable; undefined ends it. */
  setUnavailable(reason: string | undefined): void {
    this.#unavailable = reason;
  }

  addLink(name: string): DeviceRef {
    const { index } = this.#network.addLink(name);
    this.#foreignChanged();
    return { index, name };
  }

  setLinkUp(name: string, up: boolean): void {
    this.#lost(this.#network.setLinkUp(name, up));
  }

  /** The index and all settings stay. */
  renameLink(name: string, to: string): void {
    this.#network.renameLink(name, to);
    for (const route of this.#network.routes.values()) if (isOurs(route)) this.#owned.set(route);
    this.#foreignChanged();
  }

  removeLink(name: string): void {
    this.#ourRpFilters.delete(this.#network.link(name).index);
    this.#lost(this.#network.removeLink(name));
  }

  /** `10.1.0.1/24`. Makes the connected route, as the kernel does. */
  addAddress(device: string, text: string): void {
    const { address, prefixLength } = parseInterfaceAddress(text);
    this.#network.addAddress(device, address, prefixLength);
    this.#foreignChanged();
  }

  removeAddress(device: string, text: string): void {
    this.#lost(this.#network.removeAddress(device, parseInterfaceAddress(text).address));
  }

  /** A route of anybody, also under our mark. */
  addRoute(route: Route): void {
    this.#outsider(this.#network.add(route));
    if (isOurs(route)) this.#owned.set(route);
    this.#foreignChanged();
  }

  /** `ip route replace`: whoever has the identity loses it. */
  replaceRoute(route: Route): void {
    const before = this.#network.routes.like(route);
    this.#outsider(before ? this.#network.replace(route) : this.#network.add(route));
    const owned = this.#owned.like(route);
    if (owned) {
      this.#owned.delete(owned);
      this.#report(isOurs(route) ? 'RouteChanged' : 'RouteReplaced', owned, OUTSIDER);
    }
    if (isOurs(route)) this.#owned.set(route);
    this.#foreignChanged();
  }

  /** By identity, whoever made it. */
  deleteRoute(route: Route): void {
    const known = this.#network.routes.like(route);
    if (!known) throw new Error(`the fake kernel has no route ${route.prefix}`);
    this.#network.routes.delete(known);
    const owned = this.#owned.like(route);
    if (owned) {
      this.#owned.delete(owned);
      this.#report('RouteDeleted', owned, OUTSIDER);
    }
    this.#foreignChanged(!owned);
  }

  /** `device` may be `all`. */
  setRpFilter(device: string, value: number): void {
    if (device === 'all') this.#network.rpFilterAll = value;
    else this.#setRpFilterOf(device, value);
    this.#foreignChanged();
  }

  addRule(rule: Rule): void {
    this.#network.rules = [...this.#network.rules, rule].sort((a, b) => a.family - b.family || a.priority - b.priority);
    this.#foreignChanged();
  }

  #setRpFilterOf(device: string, value: number): void {
    const { index, name } = this.#network.link(device);
    this.#network.setRpFilter(device, value);
    const ours = this.#ourRpFilters.get(index);
    if (ours === undefined || ours === value) return;
    this.#drift.push({ event: 'SysctlChanged', sysctl: { device: { index, name }, name: 'rp_filter' }, at: this.micros });
  }

  #carryOut(change: Change): Refusal | undefined {
    if (change.op === 'set-sysctl') return this.#setSysctl(change);
    if (!isRouteChange(change)) return { code: 'EOPNOTSUPP', message: 'this kernel adapter has no devices of ours' };
    const { route } = change;
    const refusal =
      change.op === 'replace-route' ? this.#replaceOwn(route) : this.#network[change.op === 'add-route' ? 'add' : 'remove'](route);
    if (refusal) return refusal;
    if (change.op === 'remove-route') this.#owned.delete(route);
    else this.#owned.set(route);
    return undefined;
  }

  #replaceOwn(route: Route): Refusal | undefined {
    const known = this.#network.routes.like(route);
    if (known && !isOurs(known)) return { code: 'EEXIST', message: 'a route with this prefix, table and metric exists already' };
    return this.#network.replace(route);
  }

  #setSysctl({ device, value, restores }: Extract<Change, { op: 'set-sysctl' }>): Refusal | undefined {
    const link = [...this.#network.links.values()].find(({ index }) => index === device.index);
    if (!link) return { code: 'ENODEV', message: 'the device does not exist' };
    this.#network.setRpFilter(link.name, value);
    if (restores) this.#ourRpFilters.delete(device.index);
    else this.#ourRpFilters.set(device.index, value);
    this.#facts = undefined;
    return undefined;
  }

  #lost(routes: readonly Route[]): void {
    for (const route of routes) {
      const owned = this.#owned.like(route);
      if (!owned) continue;
      this.#owned.delete(owned);
      this.#report('LinkDown', owned);
    }
    this.#foreignChanged();
  }

  #report(event: DriftEvent, route: Route, process?: string): void {
    this.#drift.push({ event, route, at: this.micros, ...(process !== undefined && { process }) });
  }

  /** `facts`: whether anything but routes of ours changed. */
  #foreignChanged(facts = true): void {
    if (facts) this.#facts = undefined;
    for (const listener of this.#listeners) setImmediate(listener);
  }

  #outsider(refusal: Refusal | undefined): void {
    if (refusal) throw new Error(`the outsider got ${refusal.code}: ${refusal.message}`);
  }

  #mustAnswer(): void {
    if (this.#unavailable !== undefined) throw new KernelUnavailable(this.#unavailable);
  }

  #read(): NodeFacts {
    const { links, addresses, routes, rules, rpFilterAll } = this.#network;
    const foreign = [...routes.values()].filter((route) => !isOurs(route));
    return { links: [...links.values()], addresses, routes: foreign, rules, rpFilterAll, kernelRelease: '6.1.0-fake' };
  }
}

function isOurs({ spec }: Route): boolean {
  return spec.protocol === PROTOCOL_FAIRLEAD && spec.hops.length <= 1;
}

function parseInterfaceAddress(text: string): Pick<InterfaceAddress, 'address' | 'prefixLength'> {
  const [address = '', length = ''] = text.split('/');
  const parsed = Address.parse(address);
  return { address: parsed, prefixLength: Prefix.of(parsed, Number(length)).length };
}
