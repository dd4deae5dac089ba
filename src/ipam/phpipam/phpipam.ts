import type { PhpIpam } from '../../core/resources.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Credentials } from '../credentials.ts';
import type { Claim, Holding, Inventory, IpamProvider, RecordedHolding } from '../provider.ts';
import { claimAll } from './claim.ts';
import { Client } from './client.ts';
import { Conversation } from './conversation.ts';
import { LoginGuard } from './login-guard.ts';
import { look } from './look.ts';
import { type Owner, Ownership } from './ownership.ts';
import { releaseAll } from './release.ts';
import { openSession } from './session.ts';
import { type Mapped, mappedSubnets, type RecordSubnet } from './subnets.ts';
import { Transport } from './transport.ts';

export interface PhpIpamOptions extends Owner {
  readonly ipam: PhpIpam;
  /** What the Secret has now. Asked for at a login, and again when it is refused, so the Secret may be changed at any time. */
  readonly credentials: () => Promise<Credentials>;
  readonly clock: Clock;
  /** One for all pools of a process, since phpIPAM counts wrong passwords by address; absent: one for this pool alone. */
  readonly guard?: LoginGuard;
}

/** phpIPAM 1.5 and later: https://phpipam.net/api-documentation. Nothing is asked before it is used. @throws IpamRefused when the settings cannot be used */
export function openPhpIpam(options: PhpIpamOptions): IpamProvider {
  return new PhpIpamProvider(options);
}

class PhpIpamProvider implements IpamProvider {
  readonly #mapped: readonly Mapped[];
  readonly #ownership: Ownership;
  readonly #transport: Transport;
  readonly #client: Client;
  /** As they were last seen: phpIPAM itself refuses an address that does not fit any more. */
  #subnets: readonly RecordSubnet[] | undefined;

  constructor({ ipam, cluster, pool, credentials, clock, guard = new LoginGuard(clock) }: PhpIpamOptions) {
    const { url, appID, caBundle, insecureSkipTLSVerify, auth, credentialsSecret } = ipam;
    this.#mapped = mappedSubnets(ipam);
    this.#ownership = new Ownership({ cluster, pool });
    this.#transport = new Transport({ url, appID, caBundle, insecureSkipTLSVerify, clock });
    const secret = credentialsSecret === undefined ? 'credentialsSecret' : `Secret ${credentialsSecret}`;
    const conversation = new Conversation({ address: this.#transport.address.href, auth, secret }, this.#transport, guard);
    this.#client = new Client(conversation, openSession({ conversation, guard, clock, credentials }));
  }

  async look(signal?: AbortSignal): Promise<Inventory> {
    const { inventory, subnets } = await look(this.#client, this.#mapped, this.#ownership, signal);
    this.#subnets = subnets;
    return inventory;
  }

  async claim(holdings: readonly Holding[], signal?: AbortSignal): Promise<readonly Claim[]> {
    if (holdings.length === 0) return [];
    if (!this.#subnets) await this.look(signal);
    return claimAll({ client: this.#client, ownership: this.#ownership, subnets: this.#subnets ?? [], signal }, holdings);
  }

  async release(holdings: readonly RecordedHolding[], signal?: AbortSignal): Promise<void> {
    await releaseAll({ client: this.#client, ownership: this.#ownership, subnets: this.#subnets ?? [], signal }, holdings);
  }

  async close(): Promise<void> {
    this.#transport.close();
  }
}
