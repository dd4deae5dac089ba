import type { Address } from '../../core/ip/address.ts';
import { type Claim, type Holding, IpamUnavailable } from '../provider.ts';
import type { Client } from './client.ts';
import { decideExisting, settleClaim } from './decide-claim.ts';
import type { Ownership } from './ownership.ts';
import type { AddressRow } from './rows.ts';
import type { RecordSubnet } from './subnets.ts';
import { PLACES } from './transport.ts';
import { eachInTurns } from './turns.ts';

export interface ClaimContext {
  readonly client: Client;
  readonly ownership: Ownership;
  readonly subnets: readonly RecordSubnet[];
  readonly signal: AbortSignal | undefined;
}

/** A claim on its way: decided already, or written and to be found again. */
interface Step {
  readonly holding: Holding;
  readonly subnet: number;
  readonly decided?: Claim;
}

/** How often an address may vanish and appear again between two questions about it. */
const TRIES = 3;

/**
 * Writes each address by itself, with its number: repeating that never makes a second one. Then asks for what is recorded now, once for
 * each subnet, and believes only that. @throws IpamUnavailable @throws IpamRefused: some may have been recorded
 */
export async function claimAll(context: ClaimContext, holdings: readonly Holding[]): Promise<readonly Claim[]> {
  const steps = await eachInTurns(holdings, PLACES, (holding) => write(context, holding));
  const open = Map.groupBy(
    steps.filter(({ decided }) => !decided),
    ({ subnet }) => subnet,
  );
  const verified = await eachInTurns([...open], PLACES, ([subnet, written]) => verify(context, subnet, written));
  const claims = new Map(verified.flat());
  return steps.map((step) => step.decided ?? claims.get(step) ?? missing(step));
}

async function write(context: ClaimContext, holding: Holding): Promise<Step> {
  const { address } = holding;
  const found = context.subnets.find(({ subnet }) => subnet.has(address));
  const subnet = found?.id ?? 0;
  if (!found) return { holding, subnet, decided: { outcome: 'taken', by: 'nobody, but no subnet of the pool has it' } };
  if (address.equals(found.gateway)) return { holding, subnet, decided: { outcome: 'taken', by: 'the gateway of its subnet' } };
  for (let i = 0; i < TRIES; i++) {
    const step = (await create(context, subnet, holding)) ?? (await takeUp(context, subnet, holding));
    if (step) return step;
  }
  throw new IpamUnavailable(`${address} appears in phpIPAM and vanishes: somebody else is writing it`, { retryAfter: 5000 });
}

/** Undefined when the address exists. */
async function create({ client, ownership, signal }: ClaimContext, subnet: number, holding: Holding): Promise<Step | undefined> {
  const created = await client.create(subnet, holding.address, ownership.fieldsFor(holding.node), signal);
  if (created.outcome === 'exists') return undefined;
  if (created.outcome === 'created') return { holding, subnet };
  return { holding, subnet, decided: { outcome: 'taken', by: `nobody, but phpIPAM does not admit it: ${created.words}` } };
}

/** What to make of an address that exists; undefined when it does not any more. */
async function takeUp({ client, ownership, signal }: ClaimContext, subnet: number, holding: Holding): Promise<Step | undefined> {
  const { node, address, adopt = false } = holding;
  const rows = await client.addressesAt(subnet, address, signal);
  const existing = decideExisting(rows, node, adopt, ownership);
  if (existing.next === 'create') return undefined;
  if (existing.next === 'none') return { holding, subnet, decided: existing.claim };
  if (existing.next === 'adopt' && !(await client.update(existing.id, ownership.fieldsFor(node), signal))) return undefined;
  return { holding, subnet };
}

/** By what is recorded for the addresses of one subnet now. */
async function verify(context: ClaimContext, subnet: number, steps: readonly Step[]): Promise<(readonly [Step, Claim])[]> {
  const rows = await rowsOf(context, subnet, steps);
  return steps.map((step) => {
    const { node, address } = step.holding;
    return [step, settleClaim(rows.get(address.text) ?? [], node, context.ownership) ?? missing(step)];
  });
}

async function rowsOf({ client, signal }: ClaimContext, subnet: number, steps: readonly Step[]): Promise<Map<string, AddressRow[]>> {
  const [first, ...others] = steps.map(({ holding }): Address => holding.address);
  if (!first) return new Map();
  const rows = others.length === 0 ? await client.addressesAt(subnet, first, signal) : await client.addresses(subnet, first.family, signal);
  return Map.groupBy(rows ?? [], ({ address }) => address.text);
}

function missing({ holding }: Step): never {
  throw new IpamUnavailable(`phpIPAM has recorded ${holding.address} and does not show it: somebody has deleted it at once`, {
    retryAfter: 5000,
  });
}
