import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import {
  type Claim,
  type Holding,
  type Inventory,
  type IpamProblem,
  type IpamProvider,
  type IpamRecord,
  IpamUnavailable,
  type Range,
  type RecordedHolding,
} from '../../src/ipam/provider.ts';
import type { ProcessOptions } from './stage.ts';

/** `spec.ipam` of a pool that has its addresses there. */
export const EXTERNAL = {
  phpIPAM: { url: 'https://ipam.example', appID: 'fairlead', subnetMap: { '*': [7, 8] }, credentialsSecret: 'ipam' },
} as const;

/** An external system that keeps a record for each address, in memory. Subnets can be spoilt by hand, and addresses taken unseen. */
export class ExternalIpam implements IpamProvider {
  readonly #subnets: readonly string[];
  readonly records = new Map<string, IpamRecord>();
  /** What others have, though a look does not show it. */
  readonly unseen = new Set<string>();
  /** From which nothing can be given; what is recorded for nodes there is shown all the same. */
  readonly unusable = new Set<string>();
  /** Of which nothing at all is shown. */
  readonly hidden = new Set<string>();
  /** Addresses, in the order in which they were released. */
  readonly released: string[] = [];
  /** The same, as they were asked for. */
  readonly claimed: string[] = [];
  /** It does not answer. */
  away = false;
  /** It takes a request, and answers only when it is closed. */
  hangs = false;
  readonly #closed = Promise.withResolvers<void>();
  #last = 0;

  constructor(...subnets: readonly string[]) {
    this.#subnets = subnets;
  }

  get options(): Pick<ProcessOptions, 'openProvider'> {
    return { openProvider: () => this };
  }

  /** A record of a node of the pool that nobody has asked for in this life. */
  record(address: string, node: string | undefined): void {
    this.#last++;
    this.records.set(address, { record: `${this.#last}`, node, holder: node ?? 'printer-7' });
  }

  async look(): Promise<Inventory> {
    this.#answer();
    const stranded = [...this.records].filter(([text]) => this.#isIn(text, this.unusable));
    const problems = this.#subnets.flatMap((text) => this.#problem(text));
    return { ranges: this.#subnets.flatMap((text) => this.#range(text)), problems, stranded: new Map(stranded) };
  }

  async claim(holdings: readonly Holding[]): Promise<readonly Claim[]> {
    await this.#hang();
    this.#answer();
    return holdings.map(({ address: { text }, node }): Claim => {
      this.claimed.push(text);
      const before = this.records.get(text);
      if (this.unseen.has(text) || (before && before.node !== node)) return { outcome: 'taken', by: 'printer-7' };
      if (!before) this.record(text, node);
      return { outcome: 'held', record: this.records.get(text)?.record ?? '' };
    });
  }

  async release(holdings: readonly RecordedHolding[]): Promise<void> {
    this.#answer();
    for (const { address, record } of holdings) {
      this.released.push(address.text);
      if (this.records.get(address.text)?.record === record) this.records.delete(address.text);
    }
  }

  async close(): Promise<void> {
    this.#closed.resolve();
  }

  async #hang(): Promise<void> {
    if (!this.hangs) return;
    await this.#closed.promise;
    throw new Error('closed');
  }

  #answer(): void {
    if (this.away) throw new IpamUnavailable('https://ipam.example does not answer');
  }

  #problem(text: string): readonly IpamProblem[] {
    if (!this.unusable.has(text) && !this.hidden.has(text)) return [];
    const unusable = [{ zone: undefined, family: Prefix.parse(text).family }];
    return [{ code: 'RangeUnusable', message: `${text} has no gateway: mark one`, unusable }];
  }

  #range(text: string): readonly Range[] {
    if (this.unusable.has(text) || this.hidden.has(text)) return [];
    const subnet = Prefix.parse(text);
    const records = new Map([...this.records].filter(([address]) => subnet.has(Address.parse(address))));
    const gateway = Address.parse(text.replace(/(0|:)\/.*/, (_, end: string) => (end === ':' ? ':1' : '1')));
    return [{ zone: undefined, subnet, gateway, excluded: [], records }];
  }

  #isIn(text: string, subnets: ReadonlySet<string>): boolean {
    return [...subnets].some((subnet) => Prefix.parse(subnet).has(Address.parse(text)));
  }
}
