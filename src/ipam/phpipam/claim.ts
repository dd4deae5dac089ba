import { eachInTurns } from '../../runtime/turns.ts';
import { type Claim, type Holding, IpamUnavailable } from '../provider.ts';
import type { Client } from './client.ts';
import { decideExisting, settleClaim } from './decide-claim.ts';
import type { Ownership } from './ownership.ts';
import type { AddressRow } from './rows.ts';
import type { RecordSubnet } from './subnets.ts';
import { PLACES } from './transport.ts';

export interface ClaimContext {
  readonly client: Client;
  readonly ownership: Ownership;
  readonly subnets: readonly RecordSubnet[];
  readonly signal: AbortSignal | undefined;
}

/** An address of a subnet of the pool that is to be a node's. */
interface Place {
  readonly holding: Holding;
  readonly subnet: RecordSubnet;
}

/** What is recorded, by the text of the address. */
type Rows = ReadonlyMap<string, readonly AddressRow[]>;

/** Decided, or written and to be found again. */
type Written = Claim | 'written';

/** How often an address may appear and vanish between two questions about it. */
const TRIES = 4;

/**
 * Writes each address by itself, with its number, where nothing is recorded: repeating that never makes a second one. Then asks for what is
 * recorded now, once for each subnet, and believes only that. Many at once begin with a list, so that a claim that is repeated after a
 * failure goes on where it was.
 * @throws IpamUnavailable @throws IpamRefused: some may have been recorded
 */
export async function claimAll(context: ClaimContext, holdings: readonly Holding[]): Promise<readonly Claim[]> {
  const claims = new Map<Holding, Claim>();
  const places = holdings.flatMap((holding): readonly Place[] => {
    const placed = place(context, holding);
    if ('subnet' in placed) return [placed];
    claims.set(holding, placed);
    return [];
  });
  const bySubnet = [...Map.groupBy(places, ({ subnet }) => subnet)];
  await eachInTurns(bySubnet, PLACES, async ([subnet, inSubnet]) => {
    for (const [holding, claim] of await claimIn(
      context,
      subnet,
      inSubnet.map(({ holding }) => holding),
    ))
      claims.set(holding, claim);
  });
  return holdings.map((holding) => claims.get(holding) ?? missing(holding));
}

function place({ subnets }: ClaimContext, holding: Holding): Place | Claim {
  const subnet = subnets.find((each) => each.subnet.has(holding.address));
  if (!subnet) return { outcome: 'taken', by: 'nobody, but no subnet of the pool has it' };
  return holding.address.equals(subnet.gateway) ? { outcome: 'taken', by: 'the gateway of its subnet' } : { holding, subnet };
}

/** All that is wanted in one subnet. */
async function claimIn(context: ClaimContext, subnet: RecordSubnet, holdings: readonly Holding[]): Promise<ReadonlyMap<Holding, Claim>> {
  const known = holdings.length > 1 ? await list(context, subnet, holdings) : undefined;
  const outcomes = await eachInTurns(holdings, PLACES, async (holding): Promise<readonly [Holding, Written]> => {
    return [holding, await write(context, { holding, subnet }, known && (known.get(holding.address.text) ?? []))];
  });
  const written = outcomes.flatMap(([holding, outcome]) => (outcome === 'written' ? [holding] : []));
  const rows = await list(context, subnet, written);
  return new Map(outcomes.map(([holding, outcome]) => [holding, outcome === 'written' ? settle(context, holding, rows) : outcome]));
}

/** `rows`: what is recorded for the address; undefined while nobody has looked. */
async function write(context: ClaimContext, { holding, subnet }: Place, rows: readonly AddressRow[] | undefined): Promise<Written> {
  const { client, ownership, signal } = context;
  const { node, address, adopt = false } = holding;
  let seen = rows ?? [];
  for (let i = 0; i < TRIES; i++) {
    const existing = decideExisting(seen, node, adopt, ownership);
    if (existing.next === 'none') return existing.claim;
    if (existing.next === 'adopt' && (await client.update(existing.id, ownership.fieldsFor(node), signal))) return 'written';
    if (existing.next === 'create') {
      const created = await client.create(subnet.id, address, ownership.fieldsFor(node), signal);
      if (created.outcome === 'created') return 'written';
      if (created.outcome === 'inadmissible') return { outcome: 'taken', by: `nobody, but phpIPAM does not admit it: ${created.words}` };
    }
    seen = await client.addressesAt(subnet.id, address, signal);
  }
  throw new IpamUnavailable(`${address} appears in phpIPAM and vanishes: somebody else is writing it`, { retryAfter: 5000 });
}

/** What is recorded for these addresses now. */
async function list({ client, signal }: ClaimContext, { id }: RecordSubnet, holdings: readonly Holding[]): Promise<Rows> {
  const [first, ...others] = holdings;
  if (!first) return new Map();
  const { address } = first;
  const rows = others.length === 0 ? await client.addressesAt(id, address, signal) : await client.addresses(id, address.family, signal);
  return Map.groupBy(rows ?? [], (row) => row.address.text);
}

function settle({ ownership }: ClaimContext, holding: Holding, rows: Rows): Claim {
  return settleClaim(rows.get(holding.address.text) ?? [], holding.node, ownership) ?? missing(holding);
}

function missing({ address }: Holding): never {
  throw new IpamUnavailable(`phpIPAM has recorded ${address} and does not show it: somebody has deleted it at once`, { retryAfter: 5000 });
}
