import { constants } from 'node:os';
import type { SetSysctl, SysctlName } from '../../core/change.ts';
import { type InterfaceAddress, type Link, poolOf } from '../../core/facts.ts';
import type { Family } from '../../core/ip/address.ts';
import type { PlannedAddress } from '../../core/plan.ts';
import type { Route } from '../../core/route.ts';
import { addressBehind } from '../own-addresses.ts';
import { deviates, OwnLinks } from '../own-links.ts';
import { DeviceView, SYSCTL_FIELD } from './device-view.ts';
import type { Deed, DriftLog } from './drift-log.ts';
import { listAddresses, listLinks, listRpFilters } from './listing.ts';
import type { Loss } from './lost-links.ts';
import { type AddressMark, type DecodedAddress, decodeAddress } from './netlink/addresses.ts';
import { NETCONFA_IFINDEX_ALL, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR } from './netlink/constants.ts';
import type { Dumper } from './netlink/dump.ts';
import type { Exchange } from './netlink/exchange.ts';
import { decodeLink, encodeLinkQuery } from './netlink/links.ts';
import { decodeRpFilter } from './netlink/netconf.ts';
import type { MessageReader } from './netlink/reader.ts';

const { ENODEV } = constants.errno;
const SYSCTLS: readonly SysctlName[] = ['rp_filter', 'arp_ignore', 'arp_announce'];

/** What the routes have to do with it. */
export interface RouteConsequences {
  /** The kernel may have dropped routes. `ours`: because of what we did. */
  lose(loss: Loss, ours: boolean): void;
  /** Routes and addresses name a device wrongly. */
  renamed(): void;
}

/** An address of ours that is gone. Why, is clear only when nothing more happens to its device. */
interface LostAddress extends Deed {
  readonly held: InterfaceAddress;
  /** The device was ours as well. */
  readonly onOurs: boolean;
}

/**
 * Links, addresses and sysctls: how they are, which of them are ours, and what others did to those.
 *
 * The kernel announces its own steps, not what somebody did: it signs most notifications about links and IPv6 addresses itself, also those
 * of our doings, and before a device goes it is set down and loses its addresses. So a notification that makes a device of ours look
 * different only raises a doubt. `confirm` reads that device; the answer waits until whoever is at work on it has finished (the kernel's
 * rtnl lock), and what is then different from how we left it is drift.
 */
export class Devices {
  readonly view = new DeviceView();
  readonly #drift: DriftLog;
  readonly #mark: AddressMark;
  readonly #routes: RouteConsequences;
  readonly #own = new OwnLinks();
  /** Devices to be read again, and when that was noticed. */
  readonly #doubts = new Map<number, number>();
  /** How a device was before a notice said that a sysctl of ours is different: it may have been sent between two changes of ours. */
  readonly #unsettled = new Map<number, Link | undefined>();
  /** Values that we set, by device index and name. */
  readonly #ourSysctls = new Map<string, number>();
  /** Addresses that we removed since `settle`; what is announced about them comes later. */
  readonly #removed = new Set<string>();
  /** Addresses that we have put our mark on in place, and whether the kernel keeps it is not known yet. */
  readonly #marked = new Set<string>();
  /** It did not. */
  readonly #unmarkable = new Set<string>();
  /** It has kept one of such a family, so it keeps them all. */
  readonly #markable = new Set<Family>();
  #lost: LostAddress[] = [];
  /** What we are taking away. */
  #leaving: number | 'everything' | undefined;
  #stale: Readonly<{ links: boolean; addresses: boolean }> = { links: true, addresses: true };

  constructor(drift: DriftLog, mark: AddressMark, routes: RouteConsequences) {
    this.#drift = drift;
    this.#mark = mark;
    this.#routes = routes;
  }

  get isStale(): boolean {
    return this.#stale.links || this.#stale.addresses || this.#doubts.size > 0;
  }

  invalidate(): void {
    this.#stale = { links: true, addresses: true };
  }

  /** RTM_NEWLINK and RTM_DELLINK. */
  linkNotice(message: MessageReader): void {
    const decoded = decodeLink(message);
    if (!decoded || this.#isLeaving(decoded.index)) return;
    const link = this.#own.recall(decoded);
    if (message.type === RTM_DELLINK) {
      this.#deleted(link.index, message.sender);
      return;
    }
    const before = this.view.link(link.index);
    this.#update(link);
    if (this.#changedSysctls(before, link).length > 0) this.#unsettle(link.index, before);
    const known = this.#own.get(link.index);
    if (known && deviates(known, link)) this.#doubt(link.index);
    else if (poolOf(link) !== undefined) this.#own.set(link);
  }

  /** RTM_NEWADDR and RTM_DELADDR. */
  addressNotice(message: MessageReader): void {
    const address = decodeAddress(message, this.#mark);
    if (!address || this.#isLeaving(address.index)) return;
    const held = this.view.addressLike(address);
    if (message.type === RTM_NEWADDR) {
      if (held) this.#compareMark(held, address, message.sender);
      this.view.setAddress(address);
      return;
    }
    if (held) this.#unmarkable.delete(addressKey(held));
    if (held?.ours) this.#lose(held, message.sender);
    this.view.removeAddress(address);
    if (address.address.family === 4) this.#routes.lose({ device: address.index, source: address.address }, false);
  }

  /** RTM_DELROUTE from somebody else: the route that the kernel made for an address of ours. The kernel itself takes it with the address or the device. */
  networkLost(route: Route, sender: number): void {
    const own = sender === 0 ? undefined : addressBehind(route, this.view.addresses);
    if (!own) return;
    const { device, address, prefixLength } = own;
    this.#drift.address('RouteDeleted', { device, address, prefixLength }, { sender, at: this.#drift.at });
  }

  /** RTM_NEWNETCONF. */
  netconfNotice(message: MessageReader): void {
    const setting = decodeRpFilter(message);
    if (!setting) return;
    if (setting.index === NETCONFA_IFINDEX_ALL) {
      this.view.rpFilterAll = setting.rpFilter;
      return;
    }
    this.view.setSysctl(setting.index, 'rp_filter', setting.rpFilter);
    if (!this.#isAsSet(setting.index, 'rp_filter', setting.rpFilter)) this.#drift.sysctl(this.view.ref(setting.index), 'rp_filter');
  }

  /** Reads again what is in doubt. What was announced meanwhile may raise new doubts. @throws KernelUnavailable */
  refresh(dumper: Dumper, exchange: Exchange): void {
    if (this.#stale.links) this.#readLinks(dumper);
    if (this.#stale.addresses) this.#readAddresses(dumper);
    for (const [index, at] of this.#doubts) {
      // A device that is gone has been announced as such by the time of the answer.
      const read = readLink(exchange, index);
      const link = read && this.#own.recall(read);
      const parent = link?.parent === undefined ? undefined : readLink(exchange, link.parent);
      const before = this.#settledState(index) ?? this.view.link(index);
      for (const each of [parent, link]) if (each) this.#update(each);
      if (link) this.#compareSysctls(before, link);
      if (link) this.#judge(link, { sender: 0, at }, parent);
      this.#doubts.delete(index);
    }
  }

  /** Nothing is in doubt: what became of lost addresses is clear now. */
  settle(): void {
    for (const { held, onOurs, sender, at } of this.#lost) {
      const link = this.view.link(held.device.index);
      const byUs = sender === 0 && this.#removed.has(addressKey(held));
      // With a device of ours that is gone, that is all there is to say.
      if (byUs || (!link && onOurs)) continue;
      const { device, address, prefixLength } = held;
      const withLink = !link || (sender === 0 && !link.up);
      this.#drift.address(withLink ? 'LinkDown' : 'AddressDeleted', { device, address, prefixLength }, { sender, at });
    }
    this.#lost = [];
    this.#removed.clear();
  }

  /** We have made or set this device, and this is how it is now. */
  left(made: Link): void {
    const link = this.#own.recall(made);
    this.#update(link);
    this.#own.set(link);
  }

  /** We take a device away, or everything of ours: until this is undefined again nothing that is announced about it is news. */
  leaving(what: number | 'everything' | undefined): void {
    this.#leaving = what;
  }

  /** It is gone, with its addresses, by our doing. */
  gone(index: number): void {
    this.#own.delete(index);
    this.#forget(index);
    this.#routes.lose({ device: index }, true);
  }

  /** It is not gone; what is announced meanwhile is read again. */
  stayed(link: Link): void {
    this.left(link);
    this.invalidate();
  }

  /** We have added an address. In which state, and whether the kernel keeps our mark, is read again. */
  added({ device, address, prefixLength }: PlannedAddress): void {
    const state = address.family === 4 ? 'valid' : 'tentative';
    this.view.setAddress({ index: device.index, address, prefixLength, ours: true, state });
    this.#stale = { ...this.#stale, addresses: true };
  }

  /** We have put our mark on an address of a device of ours. */
  marked(planned: PlannedAddress): void {
    const { device, address, prefixLength } = planned;
    const held = this.view.addressLike({ index: device.index, address, prefixLength });
    if (!held) return;
    this.#marked.add(addressKey(planned));
    this.view.setAddress({ ...held, index: device.index, ours: true });
    this.#stale = { ...this.#stale, addresses: true };
  }

  /** Whether an address may get our mark: it lacks that, is on a device of ours, and the kernel has not ignored it before. */
  lacksMark({ device, address, prefixLength }: PlannedAddress): boolean {
    const held = this.view.addressLike({ index: device.index, address, prefixLength });
    if (held?.ours !== false || this.#own.get(device.index) === undefined) return false;
    return this.#markable.has(address.family) || !this.#unmarkable.has(addressKey(held));
  }

  /** We have removed an address. */
  removed(planned: Omit<PlannedAddress, 'label'>): void {
    const { device, address, prefixLength } = planned;
    this.#removed.add(addressKey(planned));
    this.view.removeAddress({ index: device.index, address, prefixLength });
    this.#stale = { ...this.#stale, addresses: true };
    if (address.family === 4) this.#routes.lose({ device: device.index, source: address }, true);
  }

  /** We have set a sysctl. */
  sysctlSet({ device, name, value, restores }: SetSysctl): void {
    if (restores) this.#ourSysctls.delete(sysctlKey(device.index, name));
    else this.#ourSysctls.set(sysctlKey(device.index, name), value);
    this.view.setSysctl(device.index, name, value);
  }

  /** Everything of ours was taken away on purpose. What is left is read again. */
  forgetOurs(): void {
    this.#leaving = undefined;
    this.#own.clear();
    this.#doubts.clear();
    this.#lost = [];
    for (const { device, address, prefixLength, ours } of this.view.addresses) {
      if (ours) this.view.removeAddress({ index: device.index, address, prefixLength });
    }
  }

  #isLeaving(index: number): boolean {
    return this.#leaving === index || this.#leaving === 'everything';
  }

  #deleted(index: number, sender: number): void {
    const known = this.#own.get(index);
    if (known) this.#drift.link('LinkDeleted', known.name, { sender, at: this.#drift.at });
    for (const held of this.view.addresses) if (held.ours && held.device.index === index) this.#lose(held, 0);
    this.#own.delete(index);
    this.#forget(index);
    // One whose parent was moved away stays, and nobody says that it has none now.
    for (const child of this.#own.values()) if (child.parent === index) this.#doubt(child.index);
    this.#routes.lose({ device: index }, false);
  }

  #forget(index: number): void {
    this.view.removeAddressesOf(index);
    this.view.removeLink(index);
    this.#doubts.delete(index);
    this.#unsettled.delete(index);
    for (const name of SYSCTLS) this.#ourSysctls.delete(sysctlKey(index, name));
  }

  #update(link: Link): void {
    const before = this.view.link(link.index);
    if (this.view.setLink(link)) this.#routes.renamed();
    if (before && ((before.up && !link.up) || (before.carrier && !link.carrier))) this.#routes.lose({ device: link.index }, false);
  }

  #judge(link: Link, deed: Deed, parent: Link | undefined): void {
    const known = this.#own.get(link.index);
    if (known && deviates(known, link, parent)) this.#drift.link('LinkChanged', known.name, deed);
    this.#own.set(link);
  }

  #doubt(index: number): void {
    if (!this.#doubts.has(index)) this.#doubts.set(index, this.#drift.at);
  }

  /** The kernel itself takes addresses when their device goes down or away, so that is to be seen first. */
  #lose(held: InterfaceAddress, sender: number): void {
    const { index } = held.device;
    this.#lost.push({ held, sender, at: this.#drift.at, onOurs: this.#own.get(index) !== undefined });
    if (sender === 0) this.#doubt(index);
  }

  /** Whoever writes an address anew takes our mark off it. What we have put on without effect is no drift. */
  #compareMark({ device, address, prefixLength, ours: was }: InterfaceAddress, { ours }: DecodedAddress, sender: number): void {
    if (was === ours && this.#marked.size === 0) return;
    const key = addressKey({ device, address, prefixLength });
    if (ours) {
      if (!was || this.#marked.has(key)) this.#markable.add(address.family);
    } else if (was) {
      const isIgnored = sender === 0 && this.#marked.delete(key) && !this.#markable.has(address.family);
      if (isIgnored) this.#unmarkable.add(key);
      else this.#drift.address('AddressChanged', { device, address, prefixLength }, { sender, at: this.#drift.at });
    }
  }

  #compareSysctls(before: Link | undefined, link: Link): void {
    for (const name of this.#changedSysctls(before, link)) this.#drift.sysctl(this.view.ref(link.index), name);
  }

  /** Those that are different now, and not as we set them. */
  #changedSysctls(before: Link | undefined, link: Link): readonly SysctlName[] {
    return SYSCTLS.filter((name) => {
      const value = link[SYSCTL_FIELD[name]];
      return before?.[SYSCTL_FIELD[name]] !== value && !this.#isAsSet(link.index, name, value);
    });
  }

  #isAsSet(index: number, name: SysctlName, value: number): boolean {
    const ours = this.#ourSysctls.get(sysctlKey(index, name));
    return ours === undefined || ours === value;
  }

  #unsettle(index: number, before: Link | undefined): void {
    if (!this.#unsettled.has(index)) this.#unsettled.set(index, before);
    this.#doubt(index);
  }

  /** Once: it is settled then. */
  #settledState(index: number): Link | undefined {
    const before = this.#unsettled.get(index);
    this.#unsettled.delete(index);
    return before;
  }

  #readLinks(dumper: Dumper): void {
    const before = this.view.links;
    const links = listLinks(dumper).map((link) => this.#own.recall(link));
    const present = new Map(links.map((link) => [link.index, link]));
    if (this.view.replaceLinks(links)) this.#routes.renamed();
    for (const link of before) {
      const now = present.get(link.index);
      if (now) this.#compareSysctls(this.#settledState(link.index) ?? link, now);
    }
    const deed = { sender: 0, at: this.#drift.at };
    for (const { index, name } of this.#own.values()) {
      if (present.has(index)) continue;
      this.#drift.link('LinkDeleted', name, deed);
      this.#own.delete(index);
      this.view.removeAddressesOf(index);
    }
    for (const link of links) this.#judge(link, deed, link.parent === undefined ? undefined : present.get(link.parent));
    const all = listRpFilters(dumper).find(({ index }) => index === NETCONFA_IFINDEX_ALL);
    if (all) this.view.rpFilterAll = all.rpFilter;
    this.#doubts.clear();
    this.#stale = { ...this.#stale, links: false };
  }

  #readAddresses(dumper: Dumper): void {
    const addresses = listAddresses(dumper, this.#mark);
    for (const address of addresses) {
      const held = this.view.addressLike(address);
      if (held) this.#compareMark(held, address, 0);
    }
    for (const held of this.view.replaceAddresses(addresses)) if (held.ours) this.#lose(held, 0);
    this.#marked.clear();
    this.#stale = { ...this.#stale, addresses: false };
  }
}

/** One device, undefined when there is none. Waits until nobody is at work on any. @throws KernelUnavailable */
export function readLink(exchange: Exchange, index: number): Link | undefined {
  return exchange.query(RTM_GETLINK, (writer) => encodeLinkQuery(writer, index), decodeLink, [ENODEV]);
}

function sysctlKey(index: number, name: SysctlName): string {
  return `${index} ${name}`;
}

function addressKey({ device, address, prefixLength }: Omit<PlannedAddress, 'label'>): string {
  return `${device.index} ${address}/${prefixLength}`;
}
