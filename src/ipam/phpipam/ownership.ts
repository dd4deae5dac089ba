import { createHash } from 'node:crypto';
import { isRecord, wordsOf } from './answer.ts';
import type { AddressFields } from './client.ts';
import type { AddressRow } from './rows.ts';

/** Characters that the columns of phpIPAM hold. A strict MySQL refuses more, another one cuts in silence. */
const HOSTNAME_LENGTH = 255;
const DESCRIPTION_LENGTH = 64;

/** The beginning of the owner of every address that any Fairlead holds. */
const MARK = 'fairlead:';

/** For whom addresses are recorded. */
export interface Owner {
  /** `uid`: what tells clusters apart; `name`: for people. */
  readonly cluster: { readonly uid: string; readonly name: string };
  readonly pool: string;
}

/**
 * Whose an address is stands in `owner` and `hostname`, which every phpIPAM has and shows: no custom field is needed. Both must be exactly
 * ours; a person who changes one of them has made the address his own.
 */
export class Ownership {
  readonly #owner: Owner;
  readonly #mark: string;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.#mark = `${MARK}${owner.cluster.uid}`;
  }

  fieldsFor(node: string): AddressFields {
    const { cluster, pool } = this.#owner;
    return {
      hostname: this.#hostname(node),
      owner: this.#mark,
      description: [...`Fairlead: node ${node} of cluster ${cluster.name}`].slice(0, DESCRIPTION_LENGTH).join(''),
      note: JSON.stringify({ cluster: cluster.name, node, pool }),
      excludePing: 1,
      tag: 2,
    };
  }

  isOf(row: AddressRow, node: string): boolean {
    return row.owner === this.#mark && row.hostname === this.#hostname(node);
  }

  /** The node of this pool that an address is recorded for; undefined when it is anybody else's. */
  nodeOf(row: AddressRow): string | undefined {
    if (row.owner !== this.#mark) return undefined;
    const suffix = `.${this.#owner.pool}`;
    const candidates = [row.hostname.endsWith(suffix) ? row.hostname.slice(0, -suffix.length) : '', noted(row)];
    return candidates.find((node) => node !== '' && this.#hostname(node) === row.hostname);
  }

  /** Whether a Fairlead has recorded it: of this cluster or another, for this pool or another. */
  isAnyFairlead(row: AddressRow): boolean {
    return row.owner.startsWith(MARK);
  }

  /** Node names have up to 253 characters: of those that do not fit, a digest stands for the end. */
  #hostname(node: string): string {
    const full = `${node}.${this.#owner.pool}`;
    if (full.length <= HOSTNAME_LENGTH) return full;
    const digest = createHash('sha256').update(node).digest('hex').slice(0, 16);
    const kept = HOSTNAME_LENGTH - digest.length - this.#owner.pool.length - 2;
    return `${node.slice(0, kept)}-${digest}.${this.#owner.pool}`;
  }
}

/** Whose an address is, for people: `printer-7 (owner facilities)`. */
export function holderOf({ id, hostname, description, owner }: AddressRow): string {
  const name = wordsOf(hostname) || wordsOf(description) || `record ${id}`;
  return owner === '' ? name : `${name} (owner ${wordsOf(owner)})`;
}

/** The node of our note, which has the whole name. */
function noted({ note }: AddressRow): string {
  try {
    const value: unknown = JSON.parse(note);
    return isRecord(value) && typeof value['node'] === 'string' ? value['node'] : '';
  } catch {
    return '';
  }
}
