import type { InterfaceAddress, Link } from '../../core/facts.ts';
import type { DeviceRef } from '../../core/route.ts';
import type { DecodedAddress } from './netlink/addresses.ts';

/** Links, their addresses and reverse-path filter modes. Arrays keep their identity until something in them changes. */
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
    this.#linkList ??= [...this.#links.values()].sort((a, b) => a.index - b.index);
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

  setRpFilter(index: number, rpFilter: number): void {
    const link = this.#links.get(index);
    if (link) this.setLink({ ...link, rpFilter });
  }

  setAddress({ index, address, prefixLength }: DecodedAddress): void {
    const key = `${index} ${address}/${prefixLength}`;
    if (this.#addresses.has(key)) return;
    this.#addresses.set(key, { device: this.ref(index), address, prefixLength, ours: false, state: 'valid' });
    this.#addressesChanged();
  }

  removeAddress({ index, address, prefixLength }: DecodedAddress): void {
    if (this.#addresses.delete(`${index} ${address}/${prefixLength}`)) this.#addressesChanged();
  }

  /** A complete list of links. @returns whether a device was renamed. */
  replaceLinks(links: readonly Link[]): boolean {
    const present = new Set(links.map((link) => link.index));
    for (const index of [...this.#links.keys()]) if (!present.has(index)) this.removeLink(index);
    return links.filter((link) => this.setLink(link)).length > 0;
  }

  /** A complete list of addresses. */
  replaceAddresses(addresses: readonly DecodedAddress[]): void {
    const before = this.#addresses;
    this.#addresses = new Map();
    for (const { index, address, prefixLength } of addresses) {
      const key = `${index} ${address}/${prefixLength}`;
      const known = before.get(key);
      this.#addresses.set(
        key,
        known?.device === this.ref(index) ? known : { device: this.ref(index), address, prefixLength, ours: false, state: 'valid' },
      );
    }
    const same = before.size === this.#addresses.size && [...this.#addresses].every(([key, value]) => before.get(key) === value);
    if (!same) this.#addressesChanged();
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

function sameLink(a: Link, b: Link): boolean {
  return (
    a.name === b.name &&
    a.up === b.up &&
    a.carrier === b.carrier &&
    a.loopback === b.loopback &&
    a.mtu === b.mtu &&
    a.rpFilter === b.rpFilter
  );
}
