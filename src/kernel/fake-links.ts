import { LINK_MARK, type Link, poolOf } from '../core/facts.ts';
import { LINK_ARP, type PlannedLink } from '../core/plan.ts';
import type { Refusal } from './fake-network.ts';
import { linkAddress } from './link-address.ts';

/** What a test may say of a link that it makes. */
export type LinkOptions = Partial<Omit<Link, 'index' | 'name' | 'loopback'>>;

export const LOOPBACK: Link = {
  index: 1,
  name: 'lo',
  up: true,
  carrier: true,
  loopback: true,
  mtu: 65536,
  rpFilter: 0,
  arpIgnore: 0,
  arpAnnounce: 0,
  mac: '00:00:00:00:00:00',
};

/** The devices of the fake kernel. What is on a device follows it: the carrier, a smaller MTU, the end. */
export class FakeLinks {
  readonly #links = new Map<number, Link>([[LOOPBACK.index, LOOPBACK]]);
  #nextIndex = 2;

  values(): readonly Link[] {
    return [...this.#links.values()];
  }

  get(index: number): Link | undefined {
    return this.#links.get(index);
  }

  named(name: string): Link | undefined {
    return this.values().find((link) => link.name === name);
  }

  add(name: string, options: LinkOptions = {}): Link {
    const index = this.#nextIndex++;
    const mac = `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`;
    const link: Link = { ...LOOPBACK, mtu: 1500, mac, ...options, index, name, loopback: false };
    this.#links.set(index, link);
    return link;
  }

  /** A macvlan of ours. */
  make({ name, parent, mtu, pool }: PlannedLink): Refusal | undefined {
    if (this.named(name)) return { code: 'EEXIST', message: 'a device with this name exists already' };
    const below = this.get(parent.index);
    if (!below) return { code: 'ENODEV', message: 'the device or its parent does not exist' };
    if (mtu > below.mtu) return TOO_LARGE;
    const carrier = below.up && below.carrier;
    const mac = linkAddress(below.mac ?? '', name);
    this.add(name, { ...LINK_ARP, mtu, carrier, mac, parent: below.index, kind: 'macvlan', mode: 'bridge', alias: `${LINK_MARK}${pool}` });
    return undefined;
  }

  /** Makes it what it should be. */
  repair(index: number, { mtu, pool }: PlannedLink): Refusal | undefined {
    const link = this.get(index);
    const below = link?.parent === undefined ? undefined : this.get(link.parent);
    if (!link || (below && mtu > below.mtu)) return TOO_LARGE;
    const arpIgnore = Math.max(link.arpIgnore, LINK_ARP.arpIgnore);
    const arpAnnounce = Math.max(link.arpAnnounce, LINK_ARP.arpAnnounce);
    this.set(index, { ...(link.mode === 'other' && { mode: 'bridge' as const }), arpIgnore, arpAnnounce, alias: `${LINK_MARK}${pool}` });
    this.setMac(index, link.formerMac ?? link.mac);
    this.setMtu(index, mtu);
    this.setUp(index, true);
    return undefined;
  }

  set(index: number, change: Partial<Link>): void {
    const link = this.get(index);
    if (link) this.#links.set(index, { ...link, ...change });
  }

  setAlias(index: number, alias: string | undefined): void {
    const link = this.get(index);
    if (!link) return;
    const { alias: _, formerMac: __, ...bare } = link;
    this.#links.set(index, alias === undefined ? bare : { ...bare, alias });
  }

  /** What a device of ours had before is remembered with it. */
  setMac(index: number, mac: string | undefined): void {
    const link = this.get(index);
    if (!link || mac === undefined) return;
    const { formerMac, ...bare } = link;
    const former = formerMac ?? link.mac;
    const isKept = poolOf(link) !== undefined && former !== undefined && former !== mac;
    this.#links.set(index, { ...bare, mac, ...(isKept && { formerMac: former }) });
  }

  setUp(index: number, up: boolean): void {
    const parent = this.get(index)?.parent;
    const below = parent === undefined ? undefined : this.get(parent);
    this.set(index, { up, carrier: up && (!below || (below.up && below.carrier)) });
    for (const child of this.#on(index)) this.set(child.index, { carrier: up && child.up });
  }

  setCarrier(index: number, carrier: boolean): void {
    this.set(index, { carrier });
    for (const child of this.#on(index)) this.set(child.index, { carrier: carrier && child.up });
  }

  setMtu(index: number, mtu: number): void {
    this.set(index, { mtu });
    for (const child of this.#on(index)) this.set(child.index, { mtu: Math.min(child.mtu, mtu) });
  }

  /** @returns every device that went. */
  remove(index: number): readonly Link[] {
    const link = this.get(index);
    if (!link) return [];
    const gone = [...this.#on(index), link];
    for (const each of gone) this.#links.delete(each.index);
    return gone;
  }

  /** Only what a macvlan is on depends on it; a veth has a parent too. */
  #on(index: number): readonly Link[] {
    return this.values().filter(({ parent, kind }) => parent === index && kind === 'macvlan');
  }
}

const TOO_LARGE: Refusal = {
  code: 'EINVAL',
  message: 'the parent cannot carry such a device: its own MTU is smaller, or it is of a kind that carries none',
};

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
