import {
  type Change,
  type Drift,
  type DriftEvent,
  type Failure,
  isRouteChange,
  type RouteChange,
  type SetSysctl,
  type SysctlName,
} from '../core/change.ts';
import type { InterfaceAddress, NodeFacts, Rule } from '../core/facts.ts';
import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { Probe } from '../core/plan.ts';
import { formatRoute } from '../core/render.ts';
import { type DeviceRef, PROTOCOL_FAIRLEAD, type Route, RouteIndex } from '../core/route.ts';
import { changeDevice, purgeDevices } from './fake-devices.ts';
import { FakeDriftWatch } from './fake-drift.ts';
import type { LinkOptions } from './fake-links.ts';
import { FakeNetwork, type Refusal } from './fake-network.ts';
import type { Kernel, Observation, ProbeAnswer, Purged } from './kernel.ts';
import { KernelUnavailable } from './kernel.ts';
import { recognised } from './link-address.ts';
import { addressBehind } from './own-addresses.ts';

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
  /** What the kernel says of an IPv6 address that is new: `tentative` until a test says more, or at once what it found. */
  dad: InterfaceAddress['state'] = 'valid';
  /** Every change that was tried, in order. */
  readonly log: Change[] = [];
  readonly #network = new FakeNetwork();
  readonly #watch = new FakeDriftWatch(this.#network);
  readonly #owned = new RouteIndex();
  readonly #listeners: (() => void)[] = [];
  readonly #ourSysctls = new Map<string, number>();
  /** Link-layer addresses of those who answer, by device index and address. */
  readonly #neighbours = new Map<string, string>();
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

  async probe({ device, address }: Probe): Promise<ProbeAnswer> {
    this.#mustAnswer();
    const link = this.#network.links.get(device.index);
    if (!link?.up || !link.carrier) throw new KernelUnavailable(`nobody can be asked on device ${device.name}`);
    return { holder: this.#neighbours.get(`${device.index} ${address}`) };
  }

  async purge(): Promise<Purged> {
    this.#mustAnswer();
    const marked = [...this.#network.routes.values()].filter((route) => route.spec.protocol === PROTOCOL_FAIRLEAD);
    const gone = marked.filter(({ prefix }) => !this.keeps.includes(prefix.text));
    for (const route of gone) {
      this.#network.routes.delete(route);
      this.#owned.delete(route);
    }
    const devices = purgeDevices(this.#network);
    this.#watch.adopt();
    this.#facts = undefined;
    const left = marked.filter((route) => !gone.includes(route)).map(formatRoute);
    return { removed: [...gone.map(formatRoute), ...devices.removed], left: [...left, ...devices.left] };
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

  /** Also one with our mark: `alias`. */
  addLink(name: string, options: LinkOptions = {}): DeviceRef {
    const { index } = this.#network.addLink(name, options);
    this.#foreignChanged();
    return { index, name };
  }

  setLinkUp(name: string, up: boolean): void {
    this.#lost(this.#network.setLinkUp(name, up));
  }

  setLinkCarrier(name: string, carrier: boolean): void {
    this.#network.links.setCarrier(this.#network.link(name).index, carrier);
    this.#foreignChanged();
  }

  /** What is on it follows when it gets smaller. */
  setLinkMtu(name: string, mtu: number): void {
    this.#network.links.setMtu(this.#network.link(name).index, mtu);
    this.#foreignChanged();
  }

  setLinkMac(name: string, mac: string): void {
    this.#network.links.setMac(this.#network.link(name).index, mac);
    this.#foreignChanged();
  }

  /** undefined: none. */
  setLinkAlias(name: string, alias: string | undefined): void {
    this.#network.links.setAlias(this.#network.link(name).index, alias);
    this.#foreignChanged();
  }

  /** The index and all settings stay. */
  renameLink(name: string, to: string): void {
    this.#network.renameLink(name, to);
    for (const route of this.#network.routes.values()) if (isOurs(route)) this.#owned.set(route);
    this.#foreignChanged();
  }

  /** With every macvlan on it. */
  removeLink(name: string): void {
    const { index } = this.#network.link(name);
    for (const key of [...this.#ourSysctls.keys()]) if (key.startsWith(`${index} `)) this.#ourSysctls.delete(key);
    this.#lost(this.#network.removeLink(name));
  }

  /** `10.1.0.1/24`. Makes the connected route, as the kernel does. `mark`: also as ours, or in a state of its own. */
  addAddress(device: string, text: string, mark: Partial<Pick<InterfaceAddress, 'ours' | 'state'>> = {}): void {
    const { address, prefixLength } = parseInterfaceAddress(text);
    this.#network.addAddress(device, address, prefixLength, mark);
    this.#foreignChanged();
  }

  /** Duplicate address detection comes to an end, or begins anew. */
  setAddressState(device: string, text: string, state: InterfaceAddress['state']): void {
    this.#network.setAddressState(device, parseInterfaceAddress(text).address, state);
    this.#foreignChanged();
  }

  /** `ip address replace`: it loses our mark. */
  rewriteAddress(device: string, text: string): void {
    const { address } = parseInterfaceAddress(text);
    this.#network.markAddress(this.#network.link(device).index, address, false);
    this.#foreignChanged();
  }

  removeAddress(device: string, text: string): void {
    this.#lost(this.#network.removeAddress(device, parseInterfaceAddress(text).address));
  }

  /** Somebody on the link of a device has an address; undefined: nobody has it any more. */
  answerFor(device: string, address: string, mac: string | undefined): void {
    const key = `${this.#network.link(device).index} ${Address.parse(address)}`;
    if (mac === undefined) this.#neighbours.delete(key);
    else this.#neighbours.set(key, mac);
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
    const behind = addressBehind(known, this.#network.addresses);
    if (behind) this.#drift.push({ event: 'RouteDeleted', address: behind, at: this.micros, process: OUTSIDER });
    this.#foreignChanged(!owned);
  }

  /** `device` may be `all`. */
  setRpFilter(device: string, value: number): void {
    if (device !== 'all') {
      this.setSysctl(device, 'rp_filter', value);
      return;
    }
    this.#network.rpFilterAll = value;
    this.#foreignChanged();
  }

  setSysctl(device: string, name: SysctlName, value: number): void {
    const { index } = this.#network.link(device);
    this.#network.setSysctl(index, name, value);
    const ours = this.#ourSysctls.get(`${index} ${name}`);
    if (ours !== undefined && ours !== value) {
      this.#drift.push({ event: 'SysctlChanged', sysctl: { device: { index, name: device }, name }, at: this.micros });
    }
    this.#foreignChanged();
  }

  addRule(rule: Rule): void {
    this.#network.rules = [...this.#network.rules, rule].sort((a, b) => a.family - b.family || a.priority - b.priority);
    this.#foreignChanged();
  }

  #carryOut(change: Change): Refusal | undefined {
    if (isRouteChange(change)) return this.#changeRoute(change);
    if (change.op === 'set-sysctl') return this.#setSysctl(change);
    const { refusal, dropped } = changeDevice(this.#network, change, this.dad);
    for (const route of dropped) this.#owned.delete(route);
    // Our own doing is no drift, but the facts are new ones.
    this.#watch.adopt();
    if (!refusal) this.#foreignChanged();
    return refusal;
  }

  #changeRoute(change: RouteChange): Refusal | undefined {
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

  #setSysctl({ device, name, value, restores }: SetSysctl): Refusal | undefined {
    if (!this.#network.links.get(device.index)) return { code: 'ENODEV', message: 'the device does not exist' };
    this.#network.setSysctl(device.index, name, value);
    if (restores) this.#ourSysctls.delete(`${device.index} ${name}`);
    else this.#ourSysctls.set(`${device.index} ${name}`, value);
    this.#watch.adopt();
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
    this.#drift.push(...this.#watch.compare(this.micros, OUTSIDER));
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
    return { links: recognised(links.values()), addresses, routes: foreign, rules, rpFilterAll, kernelRelease: '6.1.0-fake' };
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
