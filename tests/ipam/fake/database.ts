import { Address } from '../../../src/core/ip/address.ts';
import { Prefix } from '../../../src/core/ip/prefix.ts';
import { No } from './wire.ts';

export type Version = '1.5.2' | '1.6.0' | '1.7.4' | '1.8.2';

export interface FakeApp {
  readonly security: 'ssl_token' | 'ssl_code' | 'none';
  /** 0 disabled, 1 read, 2 read and write, 3 also administration. */
  readonly permission: 0 | 1 | 2 | 3;
  readonly code?: string;
  readonly nestsCustomFields?: boolean;
  readonly showsLinks?: boolean;
  /** Of 1.8: how writes are kept apart. */
  readonly lock?: 'Disabled' | 'File' | 'MySQL';
}

export interface FakeUser {
  password: string;
  disabled: boolean;
}

export interface FakeSubnet {
  readonly id: number;
  /** Undefined for a folder. */
  readonly prefix: Prefix | undefined;
  readonly sectionId: number;
  readonly description: string;
  readonly masterSubnetId: number;
  isFull: boolean;
  readonly isPool: boolean;
}

/** The columns that differ from row to row. */
export interface FakeRow {
  readonly id: number;
  readonly subnetId: number;
  readonly ip: Address;
  is_gateway: number;
  description: string | null;
  hostname: string | null;
  mac: string | null;
  owner: string | null;
  /** Called `tag` in the API. */
  state: number;
  note: string | null;
  excludePing: number;
  editDate: string | null;
  custom_iks_node: string | null;
}

export type NewRow = Partial<Omit<FakeRow, 'id'>> & { readonly subnetId: number; readonly ip: Address };

interface Token {
  readonly text: string;
  expires: number;
}

const LIFE = 6 * 3600_000;
const BLOCK = 5 * 60_000;
const ALLOWED_FAILURES = 10;

/** Of varchar columns, in characters. */
export const COLUMNS = { hostname: 255, description: 64, owner: 128, custom_iks_node: 255 } as const;

/** What phpIPAM keeps, and its rules. */
export class FakeDatabase {
  readonly apps = new Map<string, FakeApp>();
  readonly users = new Map<string, FakeUser>();
  readonly subnets = new Map<number, FakeSubnet>();
  /** The key `sid_ip_unique`: what keeps an address from being recorded twice in a subnet. */
  unique = true;
  /** The next identifier of an address. */
  nextId = 1000;
  /** The next token that a login makes; undefined: any. */
  nextToken: string | undefined;
  apiEnabled = true;
  /** MySQL refuses connections. */
  down = false;
  /** In the order in which they were made. */
  readonly #rows = new Map<number, FakeRow>();
  readonly #bySubnet = new Map<number, Map<bigint, FakeRow[]>>();
  readonly #tokens = new Map<string, Token>();
  readonly #failures = new Map<string, { count: number; last: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  addSubnet(
    id: number,
    cidr: string | undefined,
    change: Partial<Omit<FakeSubnet, 'id' | 'prefix'>> & { readonly gateway?: string } = {},
  ): FakeSubnet {
    const { gateway, ...rest } = change;
    const prefix = cidr === undefined ? undefined : Prefix.parse(cidr);
    const base = { sectionId: 5, description: `subnet ${id}`, masterSubnetId: 0, isFull: false, isPool: false };
    const subnet = { id, prefix, ...base, ...rest };
    this.subnets.set(id, subnet);
    if (gateway !== undefined)
      this.insert({ subnetId: id, ip: Address.parse(gateway), is_gateway: 1, description: 'gateway', hostname: 'gw' });
    return subnet;
  }

  /** @throws No as MySQL does when the key is violated. */
  insert(row: NewRow): FakeRow {
    if (this.unique && this.find(row.subnetId, row.ip).length > 0) {
      const entry = `${row.ip.bits}-${row.subnetId}`;
      throw new No(500, `Error: SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '${entry}' for key 'sid_ip_unique'`);
    }
    const id = this.nextId++;
    const nothing = { description: null, hostname: null, mac: null, owner: null, note: null, editDate: null, custom_iks_node: null };
    const made = { ...nothing, is_gateway: 0, state: 2, excludePing: 0, ...row, id };
    if (made.is_gateway === 1) this.#takeGateway(row.subnetId);
    this.#rows.set(id, made);
    const addresses = this.#bySubnet.get(row.subnetId) ?? new Map<bigint, FakeRow[]>();
    this.#bySubnet.set(row.subnetId, addresses.set(row.ip.bits, [...this.find(row.subnetId, row.ip), made]));
    return made;
  }

  /** Oldest first. */
  all(): FakeRow[] {
    return [...this.#rows.values()];
  }

  get(id: number): FakeRow | undefined {
    return this.#rows.get(id);
  }

  delete(id: number): void {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    const rest = this.find(row.subnetId, row.ip).filter((each) => each.id !== id);
    const addresses = this.#bySubnet.get(row.subnetId);
    if (rest.length > 0) addresses?.set(row.ip.bits, rest);
    else addresses?.delete(row.ip.bits);
  }

  find(subnetId: number, ip: Address): readonly FakeRow[] {
    return this.#bySubnet.get(subnetId)?.get(ip.bits) ?? [];
  }

  /** Lowest address first, as the API lists them. */
  inSubnet(subnetId: number): FakeRow[] {
    return [...(this.#bySubnet.get(subnetId)?.values() ?? [])].flat().sort((a, b) => (a.ip.bits < b.ip.bits ? -1 : 1));
  }

  hasSlaves(id: number): boolean {
    return [...this.subnets.values()].some(({ masterSubnetId }) => masterSubnetId === id);
  }

  gatewayOf(subnetId: number): FakeRow | undefined {
    return this.all().find((row) => row.subnetId === subnetId && row.is_gateway === 1);
  }

  date(after = 0): string {
    return new Date(Date.UTC(2027, 0, 1) + this.#now() + after).toISOString().slice(0, 19).replace('T', ' ');
  }

  /** A live token is given again and lives on; so two who log in have one token. */
  logIn(user: string): { readonly token: string; readonly expires: string } {
    const live = this.#tokens.get(user);
    const alive = live && live.expires > this.#now();
    const text = alive ? live.text : (this.nextToken ?? `token-${user}-${this.#tokens.size}-${Math.random().toString(36).slice(2)}`);
    this.#tokens.set(user, { text, expires: this.#now() + LIFE });
    return { token: text, expires: this.date(LIFE) };
  }

  /** MySQL compares tokens without regard to case. */
  tokenState(text: string): 'unknown' | 'expired' | 'live' {
    const token = this.#token(text);
    if (!token) return 'unknown';
    return token.expires > this.#now() ? 'live' : 'expired';
  }

  /** Every use lengthens its life. */
  extend(text: string): string {
    const token = this.#token(text);
    if (token) token.expires = this.#now() + LIFE;
    return this.date(LIFE);
  }

  endToken(text: string): void {
    for (const [user, token] of this.#tokens) if (token.text.toLowerCase() === text.toLowerCase()) this.#tokens.delete(user);
  }

  /** As an administrator, or time. */
  expireTokens(): void {
    for (const token of this.#tokens.values()) token.expires = this.#now();
  }

  isBlocked(from: string): boolean {
    const failures = this.#failures.get(from);
    return failures !== undefined && failures.count > ALLOWED_FAILURES && this.#now() - failures.last < BLOCK;
  }

  countFailure(from: string): void {
    const { count, last } = this.#failures.get(from) ?? { count: 0, last: this.#now() };
    this.#failures.set(from, { count: this.#now() - last < BLOCK ? count + 1 : 1, last: this.#now() });
  }

  forgetFailures(from: string): void {
    this.#failures.delete(from);
  }

  #token(text: string): Token | undefined {
    return [...this.#tokens.values()].find((token) => token.text.toLowerCase() === text.toLowerCase());
  }

  #takeGateway(subnetId: number): void {
    for (const row of this.inSubnet(subnetId)) {
      if (row.is_gateway === 0) continue;
      row.is_gateway = 0;
      row.editDate = this.date();
    }
  }
}
