import type { RecordedHolding } from '../provider.ts';
import { readId } from './answer.ts';
import type { Client } from './client.ts';
import type { Ownership } from './ownership.ts';
import { PLACES } from './transport.ts';
import { eachInTurns } from './turns.ts';

/**
 * Deletes records by their id, after a look at each: one that is another address or another's by now is left alone.
 * @throws IpamUnavailable @throws IpamRefused: some may have been deleted
 */
export async function releaseAll(
  client: Client,
  ownership: Ownership,
  holdings: readonly RecordedHolding[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await eachInTurns(holdings, PLACES, async ({ record, node, address }) => {
    const id = readId(record);
    if (id === undefined) return;
    const row = await client.address(id, address.family, signal);
    if (row && ownership.isOf(row, node) && row.address.equals(address)) await client.delete(id, signal);
  });
}
