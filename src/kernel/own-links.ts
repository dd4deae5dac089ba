import { type Link, poolOf } from '../core/facts.ts';
import { LINK_ARP } from '../core/plan.ts';

/** Devices of ours, each as we left or found it: what is different now, others did. */
export class OwnLinks {
  readonly #known = new Map<number, Link>();

  get(index: number): Link | undefined {
    return this.#known.get(index);
  }

  /** How a device is now, and may be. Without our mark it is not ours any more. */
  set(link: Link): void {
    if (poolOf(link) === undefined) this.#known.delete(link.index);
    else this.#known.set(link.index, link);
  }

  /** With `formerMac`, where somebody has given a device of ours another link-layer address since it was ours. */
  recall(link: Link): Link {
    const known = this.#known.get(link.index);
    const former = known?.formerMac ?? known?.mac;
    return former === undefined || former === link.mac || poolOf(link) === undefined ? link : { ...link, formerMac: former };
  }

  delete(index: number): void {
    this.#known.delete(index);
  }

  clear(): void {
    this.#known.clear();
  }

  values(): readonly Link[] {
    return [...this.#known.values()];
  }
}

/**
 * Whether somebody has changed what a device of ours is made of. A carrier that comes and goes with the parent, and more than is asked
 * for, are no change. `parent`: as it is now; the kernel lowers our MTU together with that of the parent.
 */
export function deviates(known: Link, now: Link, parent?: Link): boolean {
  return (
    (known.up && !now.up) ||
    known.name !== now.name ||
    known.alias !== now.alias ||
    known.mac !== now.mac ||
    (known.mode !== 'other' && now.mode === 'other') ||
    known.parent !== now.parent ||
    (known.mtu !== now.mtu && !(now.mtu < known.mtu && now.mtu === parent?.mtu)) ||
    fell(known.arpIgnore, now.arpIgnore, LINK_ARP.arpIgnore) ||
    fell(known.arpAnnounce, now.arpAnnounce, LINK_ARP.arpAnnounce)
  );
}

function fell(before: number, now: number, least: number): boolean {
  return now < before && now < least;
}
