import assert from 'node:assert/strict';
import type { ApiObject, WatchEvent } from '../../src/cluster/api-client.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';

/** An entry of the ledger, as it is written. */
export interface Line {
  readonly address: string;
  readonly node: string;
  readonly since: string;
  readonly releasing?: boolean;
}

/** Is shown every version of one pool and its NodeOverlayIPs in the order in which they came to be, and says so when one must never be. */
export class LedgerWatch {
  readonly #views = new Map<string, OverlayIPView>();
  #entries: ReadonlyMap<string, Line> = new Map();
  #given = 0;
  #back = 0;

  get ips(): readonly OverlayIPView[] {
    return [...this.#views.values()];
  }

  /** The ledger, by address. */
  get entries(): ReadonlyMap<string, Line> {
    return this.#entries;
  }

  /** Entries that there were, and those of them that are no more. */
  get given(): number {
    return this.#given;
  }

  get back(): number {
    return this.#back;
  }

  /** The ledger has each address once; what is new in it was given, what is gone was being given back. */
  pool({ status }: ApiObject): void {
    const { ledger = [] } = (status ?? {}) as { readonly ledger?: readonly Line[] };
    const now = new Map(ledger.map((line) => [line.address, line]));
    assert.equal(now.size, ledger.length, 'an address is in the ledger twice');
    for (const [address, line] of this.#entries) {
      const next = now.get(address);
      if (next && isSame(line, next)) assert.ok(next.releasing || !line.releasing, `${address} was being given back, and is so no longer`);
      else {
        assert.ok(line.releasing, `${address} has gone from ${line.node} without having been given back`);
        this.#back++;
      }
    }
    for (const [address, line] of now) if (!isSame(line, this.#entries.get(address))) this.#given++;
    this.#entries = now;
    for (const view of this.#views.values()) this.#check(view);
  }

  /** Answers what it shows; undefined when that is no object. */
  object(event: WatchEvent): OverlayIPView | undefined {
    if (event.type === 'BOOKMARK') return undefined;
    const view = ipView(event.object);
    if (event.type === 'DELETED') this.#views.delete(view.name);
    else this.#views.set(view.name, view);
    if (event.type !== 'DELETED') this.#check(view);
    return view;
  }

  /** What is granted is in the ledger for that very node: so it is granted to no other. */
  #check({ granted, addresses, node }: OverlayIPView): void {
    if (!granted) return;
    for (const { address } of addresses) {
      const holder = this.#entries.get(address.text)?.node;
      assert.equal(holder, node, `${address} is granted to ${node}, and in the ledger it is that of ${holder ?? 'nobody'}`);
    }
  }
}

function isSame({ node, since }: Line, other: Line | undefined): boolean {
  return node === other?.node && since === other.since;
}
