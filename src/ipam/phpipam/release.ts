import { eachInTurns } from '../../runtime/turns.ts';
import type { RecordedHolding } from '../provider.ts';
import { readId } from './answer.ts';
import { type Client, TooManyRows } from './client.ts';
import type { Ownership } from './ownership.ts';
import type { RecordSubnet } from './subnets.ts';
import { PLACES } from './transport.ts';

export interface ReleaseContext {
  readonly client: Client;
  readonly ownership: Ownership;
  /** Those that are known; a record in another one is released all the same. */
  readonly subnets: readonly RecordSubnet[];
  readonly signal: AbortSignal | undefined;
}

/** A record of which an identifier is known. */
interface Released extends RecordedHolding {
  readonly id: string;
}

/**
 * Deletes records by their id, after a look at each: one that is another address or another's by now is left alone. Many at once begin
 * with a list of what is still there, so that a release that is repeated after a failure goes on where it was.
 * @throws IpamUnavailable @throws IpamRefused: some may have been deleted
 */
export async function releaseAll(context: ReleaseContext, holdings: readonly RecordedHolding[]): Promise<void> {
  const recorded = holdings.flatMap((holding): readonly Released[] => {
    const id = readId(holding.record);
    return id === undefined ? [] : [{ ...holding, id }];
  });
  const bySubnet = Map.groupBy(recorded, ({ address }) => context.subnets.find(({ subnet }) => subnet.has(address)));
  await eachInTurns([...bySubnet], PLACES, async ([subnet, inSubnet]) => {
    const there = subnet && inSubnet.length > 1 ? await idsIn(context, subnet) : undefined;
    const rest = there ? inSubnet.filter(({ id }) => there.has(id)) : inSubnet;
    await eachInTurns(rest, PLACES, (holding) => release(context, holding));
  });
}

async function release({ client, ownership, signal }: ReleaseContext, { id, node, address }: Released): Promise<void> {
  const row = await client.address(id, address.family, signal);
  if (row && ownership.isOf(row, node) && row.address.equals(address)) await client.delete(id, signal);
}

/** The records of a subnet; undefined when they cannot be listed. */
async function idsIn({ client, signal }: ReleaseContext, { id, subnet }: RecordSubnet): Promise<ReadonlySet<string> | undefined> {
  try {
    const rows = await client.addresses(id, subnet.family, signal);
    return rows && new Set(rows.map((row) => row.id));
  } catch (error) {
    if (error instanceof TooManyRows) return undefined;
    throw error;
  }
}
