import type { SysctlName } from '../../core/change.ts';
import type { InterfaceAddress, Link } from '../../core/facts.ts';
import type { DeviceRef } from '../../core/route.ts';
import { recognised } from '../link-address.ts';
import type { DecodedAddress } from './netlink/addresses.ts';

/** Where a link has the value of a sysctl. */
export const SYSCTL_FIELD = { rp_filter: 'rpFilter', arp_ignore: 'arpIgnore', arp_announce: 'arpAnnounce' } as const satisfies Readonly<
  Record<SysctlName, keyof Link>
>;

type Identity = Pick<DecodedAddress, 'index' | 'address' | 'prefixLength'>;

/** Links, their addresses and sysctls. Arrays keep their identity until something in them changes. */
export class DeviceView {
  /** Grows with every change. */
  version = 0;
  #links = new Map<number, Link>();
  #addresses = new Map<string, InterfaceAddress>();
  #refs = new Map<number, DeviceRef>();
  #rpFilterAll = 0;
  #linkList: readonly Link[] | undefined;
  #addressList: readonly InterfaceAddress[] | undefined;

  get links(): readonly Link[] {
    this.#linkList ??= recognised([...this.#links.values()].sort((a, b) => a.index - b.index));
    return this.#linkList;
  }

  get addresses(): readonly InterfaceAddress[] {
    this.#addressList ??= [...this.#addresses.values()];
    return this.#addressList;
  }

  get rpFilterAll(): number {
    return this.#rpFilterAll;
  }

  set rpFilterAll(value: number) {
    if (value !== this.#rpFilterAll) this.version++;
    this.#rpFilterAll = value;
  }

  link(index: number): Link | undefined {
    return this.#links.get(index);
  }

  /** As in `links`. */
  seen(index: number): Link | undefined {
    return this.links.find((link) => link.index === index);
  }

  /** The value that all routes and addresses of a device share. */
  ref(index: number): DeviceRef {
    const known = this.#refs.get(index);
    if (known) return known;
    const ref = { index, name: this.#links.get(index)?.name ?? `if${index}` };
    this.#refs.set(index, ref);
    return ref;
  }

  /** @returns whether the device now has another name than the routes and addresses of it say. */
  setLink(link: Link): boolean {
    const before = this.#links.get(link.index);
    if (before && sameLink(before, link)) return false;
    this.#links.set(link.index, link);
    this.#linksChanged();
    const renamed = this.#refs.get(link.index)?.name !== link.name && this.#refs.has(link.index);
    if (renamed) this.#refs.delete(link.index);
    return renamed;
  }

  removeLink(index: number): void {
    if (!this.#links.delete(index)) return;
    this.#refs.delete(index);
    this.#linksChanged();
  }

  setSysctl(index: number, name: SysctlName, value: number): void {
    const link = this.#links.get(index);
    if (link) this.setLink({ ...link, [SYSCTL_FIELD[name]]: value });
  }

  /** The address that is held, as it was until now. */
  addressLike(address: Identity): InterfaceAddress | undefined {
    return this.#addresses.get(keyOf(address));
  }

  setAddress(address: DecodedAddress): void {
    const key = keyOf(address);
    const held = this.#held(this.#addresses.get(key), address);
    if (held === this.#addresses.get(key)) return;
    this.#addresses.set(key, held);
    this.#addressesChanged();
  }

  removeAddress(address: Identity): void {
    if (this.#addresses.delete(keyOf(address))) this.#addressesChanged();
  }

  removeAddressesOf(index: number): void {
    for (const [key, { device }] of this.#addresses) {
      if (device.index !== index) continue;
      this.#addresses.delete(key);
      this.#addressesChanged();
    }
  }

  /** A complete list of links. @returns whether a device was renamed. */
  replaceLinks(links: readonly Link[]): boolean {
    const present = new Set(links.map((link) => link.index));
    for (const index of [...this.#links.keys()]) if (!present.has(index)) this.removeLink(index);
    return links.filter((link) => this.setLink(link)).length > 0;
  }

  /** A complete list of addresses. @returns those of before that are not in it. */
  replaceAddresses(addresses: readonly DecodedAddress[]): readonly InterfaceAddress[] {
    const before = this.#addresses;
    this.#addresses = new Map();
    for (const address of addresses) {
      const key = keyOf(address);
      this.#addresses.set(key, this.#held(before.get(key), address));
    }
    const gone = [...before].flatMap(([key, held]) => (this.#addresses.has(key) ? [] : [held]));
    const same = gone.length === 0 && [...this.#addresses].every(([key, held]) => before.get(key) === held);
    if (!same) this.#addressesChanged();
    return gone;
  }

  /** What is held for an address: the known value while it is still right. */
  #held(known: InterfaceAddress | undefined, { index, address, prefixLength, ours, state }: DecodedAddress): InterfaceAddress {
    const device = this.ref(index);
    if (known?.device === device && known.ours === ours && known.state === state) return known;
    return { device, address, prefixLength, ours, state };
  }

  #linksChanged(): void {
    this.#linkList = undefined;
    this.version++;
  }

  #addressesChanged(): void {
    this.#addressList = undefined;
    this.version++;
  }
}

function keyOf({ index, address, prefixLength }: Identity): string {
  return `${index} ${address}/${prefixLength}`;
}

function sameLink(a: Link, b: Link): boolean {
  return (
    a.name === b.name &&
    a.up === b.up &&
    a.carrier === b.carrier &&
    a.loopback === b.loopback &&
    a.mtu === b.mtu &&
    a.rpFilter === b.rpFilter &&
    a.arpIgnore === b.arpIgnore &&
    a.arpAnnounce === b.arpAnnounce &&
    a.parent === b.parent &&
    a.kind === b.kind &&
    a.alias === b.alias &&
    a.mac === b.mac &&
    a.formerMac === b.formerMac &&
    a.mode === b.mode
  );
}
