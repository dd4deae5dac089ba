import type { Drift } from '../core/change.ts';
import type { InterfaceAddress } from '../core/facts.ts';
import type { FakeNetwork } from './fake-network.ts';
import { deviates, OwnLinks } from './own-links.ts';

/** Devices and addresses of ours in the fake kernel, as we left or found them; what differs then is drift. */
export class FakeDriftWatch {
  readonly #network: FakeNetwork;
  readonly #links = new OwnLinks();
  #addresses: readonly InterfaceAddress[] = [];

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  /** How it is now is how it should be. */
  adopt(): void {
    this.#links.clear();
    for (const link of this.#network.links.values()) this.#links.set(link);
    this.#addresses = this.#network.addresses.filter(({ ours }) => ours);
  }

  /** `process`: who did it. The kernel says so of IPv4 addresses only. */
  compare(at: number, process: string): readonly Drift[] {
    const drift = [...this.#addressDrift(at, process), ...this.#linkDrift(at)];
    this.adopt();
    return drift;
  }

  *#linkDrift(at: number): Generator<Drift> {
    const { links } = this.#network;
    for (const known of this.#links.values()) {
      const now = links.get(known.index);
      const parent = now?.parent === undefined ? undefined : links.get(now.parent);
      if (!now) yield { event: 'LinkDeleted', link: known.name, at };
      else if (deviates(known, now, parent)) yield { event: 'LinkChanged', link: known.name, at };
    }
  }

  *#addressDrift(at: number, process: string): Generator<Drift> {
    const { links, addresses } = this.#network;
    for (const held of this.#addresses) {
      const { device, address, prefixLength } = held;
      if (addresses.some((each) => each.ours && each.device.index === device.index && each.address.equals(address))) continue;
      const link = links.get(device.index);
      const withLink = this.#links.get(device.index) !== undefined && !link;
      if (withLink) continue;
      const lost = { device, address, prefixLength };
      if (!link || (address.family === 6 && !link.up)) yield { event: 'LinkDown', address: lost, at };
      else {
        const unmarked = addresses.some((each) => each.device.index === device.index && each.address.equals(address));
        yield { event: unmarked ? 'AddressChanged' : 'AddressDeleted', address: lost, at, ...(address.family === 4 && { process }) };
      }
    }
  }
}
