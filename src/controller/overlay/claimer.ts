import type { Inventory } from '../../ipam/provider.ts';
import { IpamRefused, IpamUnavailable } from '../../ipam/provider.ts';
import { rangeOf } from './decide-supply.ts';
import type { OverlayIPView } from './ip-view.ts';
import type { IpamKeeper } from './ipam-keeper.ts';
import type { Entry, Ledger } from './ledger.ts';

export interface ClaimerPorts {
  readonly ipam: IpamKeeper;
  readonly onBug: (error: unknown) => void;
  /** At its end nobody is asked any more. */
  readonly signal: AbortSignal;
}

/** Records again what a node has, and somebody has deleted at the provider: it must not be given to others there. */
export class Claimer {
  readonly #ports: ClaimerPorts;
  #looked = Number.NEGATIVE_INFINITY;
  #claiming: Promise<unknown> = Promise.resolve();

  constructor(ports: ClaimerPorts) {
    this.#ports = ports;
  }

  /** Once for each look. */
  consider(ledger: Ledger, objects: ReadonlyMap<string, OverlayIPView>): void {
    const { ipam } = this.#ports;
    const { inventory, lookedAt, external } = ipam;
    if (!external || !inventory || lookedAt === this.#looked) return;
    this.#looked = lookedAt;
    const missing = [...ledger.values()].filter((entry) => isMissing(entry, inventory) && objects.get(entry.node)?.granted);
    this.#claiming = Promise.all(missing.map((entry) => this.#claim(entry)));
  }

  async close(): Promise<void> {
    await this.#claiming;
  }

  /** Whether it works or not is told by what the next look shows. */
  async #claim({ node, address }: Entry): Promise<void> {
    try {
      await this.#ports.ipam.claim({ node, address });
    } catch (error) {
      const foreseen = error instanceof IpamUnavailable || error instanceof IpamRefused || this.#ports.signal.aborted;
      if (!foreseen) this.#ports.onBug(error);
    }
  }
}

function isMissing({ address, releasing }: Entry, { ranges }: Inventory): boolean {
  const range = rangeOf({ all: ranges }, address);
  return !releasing && range !== undefined && !range.records.has(address.text);
}
