import type { Address, Family } from '../../core/ip/address.ts';
import { Turns } from '../../runtime/turns.ts';
import { IpamRefused, IpamUnavailable } from '../provider.ts';
import { isRecord, type Refusal, type Success } from './answer.ts';
import type { Conversation, Question, Reply } from './conversation.ts';
import { type AddressRow, Malformed, readAddresses, readAddressRow, readSubnet, type SubnetRow } from './rows.ts';
import type { Session } from './session.ts';
import { PLACES } from './transport.ts';
import { asked, SilentFailure, unexpected } from './verdict.ts';

/** What is written into an address. The keys are checked by phpIPAM, and the texts cut to its columns by `ownership.ts`. */
export interface AddressFields {
  readonly hostname: string;
  readonly owner: string;
  readonly description: string;
  readonly note: string;
  /** Else phpIPAM may delete the address when it does not answer its pings. */
  readonly excludePing: 1;
  /** "Used". */
  readonly tag: 2;
}

export type Created =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'exists' }
  /** The subnet does not admit the address; the words are those of phpIPAM. */
  | { readonly outcome: 'inadmissible'; readonly words: string };

/** A subnet has more addresses than phpIPAM can list: PHP runs out of memory. */
export class TooManyRows extends IpamRefused {
  readonly used: number;

  constructor(id: number, used: number, cause: unknown) {
    super(`subnet ${id} of phpIPAM has ${used} addresses recorded, more than it can list: raise memory_limit of PHP`, { cause });
    this.used = used;
  }
}

/** From this number on, a list that does not come is one that is too long. It does not come from about 30,000 on. */
const MANY_ROWS = 10_000;

/** The questions that Fairlead has, of all that phpIPAM answers. Each throws IpamUnavailable or IpamRefused. */
export class Client {
  readonly #conversation: Conversation;
  readonly #session: Session;
  readonly #turns = new Turns(PLACES);

  constructor(conversation: Conversation, session: Session) {
    this.#conversation = conversation;
    this.#session = session;
  }

  /** Undefined when there is none of that number. */
  async subnet(id: number, signal?: AbortSignal): Promise<SubnetRow | undefined> {
    const reply = await this.#get(`/subnets/${id}/`, signal);
    if (reply.type === 'refusal') return this.#absent(reply, 'Invalid subnet Id', 'Invalid Id');
    return this.#read(() => readSubnet(reply.data));
  }

  /** Whether it is divided into other subnets. */
  async hasSubnets(id: number, signal?: AbortSignal): Promise<boolean> {
    const reply = await this.#get(`/subnets/${id}/first_free/`, signal);
    if (reply.type === 'success') return false;
    if (reply.code === 409 && reply.message.startsWith('Subnet contains subnets')) return true;
    this.#absent(reply, 'No free addresses found', 'Invalid subnet Id');
    return false;
  }

  /** All that is recorded in a subnet; undefined when there is no such subnet. @throws TooManyRows */
  async addresses(id: number, family: Family, signal?: AbortSignal): Promise<readonly AddressRow[] | undefined> {
    try {
      return await this.#addresses(`/subnets/${id}/addresses/`, family, signal);
    } catch (error) {
      const used = error instanceof SilentFailure ? await this.#used(id, signal) : 0;
      if (used < MANY_ROWS) throw error;
      throw new TooManyRows(id, used, error);
    }
  }

  /** What is recorded for one address of a subnet: more than one row where the database lacks its unique key. */
  async addressesAt(id: number, address: Address, signal?: AbortSignal): Promise<readonly AddressRow[]> {
    return (await this.#addresses(`/subnets/${id}/addresses/${address}/`, address.family, signal)) ?? [];
  }

  /** Undefined when there is none of that number. */
  async address(id: string, family: Family, signal?: AbortSignal): Promise<AddressRow | undefined> {
    const reply = await this.#get(`/addresses/${id}/`, signal);
    if (reply.type === 'refusal') return this.#absent(reply, 'Invalid Id', 'Address does not exist');
    return this.#read(() => readAddressRow(reply.data, family));
  }

  /** Nothing happens when the address exists. After IpamUnavailable it may have been made, or may still be. */
  async create(subnet: number, address: Address, fields: AddressFields, signal?: AbortSignal): Promise<Created> {
    const body = JSON.stringify({ subnetId: subnet, ip: address.text, ...fields });
    const reply = await this.#call({ method: 'POST', path: '/addresses/', body, signal });
    if (reply.type === 'success') {
      if (reply.id !== undefined) return { outcome: 'created' };
      throw new IpamUnavailable(
        `${asked(this.#conversation.setting)} calls ${address} made without an id: check what stands before phpIPAM`,
      );
    }
    const { code, message } = reply;
    if (code === 409 && message.startsWith('IP address already exists')) return { outcome: 'exists' };
    if (code === 500 && /SQLSTATE\[23000\].*\b1062\b/.test(message)) return { outcome: 'exists' };
    if (message.includes('is not a valid address for subnet') || message.startsWith('Invalid subnet Id'))
      return { outcome: 'inadmissible', words: message };
    throw this.#unexpected(reply);
  }

  /** Whether there is one of that number. */
  async update(id: string, fields: AddressFields, signal?: AbortSignal): Promise<boolean> {
    const reply = await this.#call({ method: 'PATCH', path: `/addresses/${id}/`, body: JSON.stringify(fields), signal });
    if (reply.type === 'refusal') this.#absent(reply, 'Address does not exist');
    return reply.type === 'success';
  }

  /** Also when it is gone already. */
  async delete(id: string, signal?: AbortSignal): Promise<void> {
    const reply = await this.#call({ method: 'DELETE', path: `/addresses/${id}/`, body: undefined, signal });
    if (reply.type === 'refusal') this.#absent(reply, 'Address does not exist');
  }

  async #addresses(path: string, family: Family, signal: AbortSignal | undefined): Promise<readonly AddressRow[] | undefined> {
    const reply = await this.#get(path, signal);
    if (reply.type === 'success') return this.#read(() => readAddresses(reply.data, family));
    if (reply.code === 404 && reply.message.startsWith('No addresses found')) return [];
    return this.#absent(reply, 'Invalid subnet Id');
  }

  /** The number of addresses recorded in a subnet, as far as phpIPAM says. */
  async #used(id: number, signal: AbortSignal | undefined): Promise<number> {
    const reply = await this.#get(`/subnets/${id}/usage/`, signal);
    if (reply.type === 'refusal') return 0;
    const used = isRecord(reply.data) ? Number(reply.data['used']) : 0;
    return Number.isSafeInteger(used) ? used : 0;
  }

  #get(path: string, signal: AbortSignal | undefined): Promise<Success | Refusal> {
    return this.#call({ method: 'GET', path, body: undefined, signal });
  }

  /** A refused token is renewed once: nothing was done with it. */
  #call(question: Question): Promise<Success | Refusal> {
    return this.#turns.take(async () => {
      if (question.signal?.aborted) throw new IpamUnavailable(`${asked(this.#conversation.setting)}: the question was given up here`);
      const token = await this.#session.token();
      const reply = await this.#conversation.ask(question, { token });
      if (reply.type !== 'token') return settled(reply);
      const renewed = await this.#session.renewed(token);
      const second = await this.#conversation.ask(question, { token: renewed });
      if (second.type !== 'token') return settled(second);
      // It says why there is no third try; unless somebody has changed the credentials at this very moment.
      await this.#session.renewed(renewed);
      throw new IpamUnavailable(`${asked(this.#conversation.setting)} accepts no token now`);
    });
  }

  /** It is not there: only a message of phpIPAM itself says that. @throws what else it says */
  #absent(refusal: Refusal, ...messages: readonly string[]): undefined {
    const known = (refusal.code === 404 || refusal.code === 400) && messages.some((each) => refusal.message.startsWith(each));
    if (!known) throw this.#unexpected(refusal);
    return undefined;
  }

  #unexpected(refusal: Refusal): Error {
    return unexpected(refusal, this.#conversation.setting);
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const fact = `${asked(this.#conversation.setting)} has sent ${error.message}`;
      throw new IpamUnavailable(`${fact}: check what stands between here and phpIPAM`, { cause: error });
    }
  }
}

function settled(reply: Exclude<Reply, { type: 'token' }>): Success | Refusal {
  if (reply.type === 'credentials') throw reply.error;
  return reply;
}
