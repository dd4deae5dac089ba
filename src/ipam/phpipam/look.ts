import { eachInTurns } from '../../runtime/turns.ts';
import { type Client, TooManyRows } from './client.ts';
import type { Ownership } from './ownership.ts';
import type { Mapped } from './subnets.ts';
import { type Sight, survey, type View } from './survey.ts';
import { PLACES } from './transport.ts';

/** Asks for every subnet of the map, and for what is recorded in it. @throws IpamUnavailable @throws IpamRefused */
export async function look(client: Client, mapped: readonly Mapped[], ownership: Ownership, signal?: AbortSignal): Promise<View> {
  const ids = [...new Set(mapped.map(({ id }) => id))];
  return survey(await eachInTurns(ids, PLACES, (id) => lookAt(client, id, signal)), mapped, ownership);
}

async function lookAt(client: Client, id: number, signal: AbortSignal | undefined): Promise<Sight> {
  const row = await client.subnet(id, signal);
  if (!row?.subnet) return { id, row, hasSubnets: false, rows: [] };
  const hasSubnets = await client.hasSubnets(id, signal);
  try {
    const rows = await client.addresses(id, row.subnet.family, signal);
    // Undefined: somebody has deleted the subnet between two questions.
    return { id, row: rows && row, hasSubnets, rows: rows ?? [] };
  } catch (error) {
    if (error instanceof TooManyRows) return { id, row, hasSubnets, rows: error.used };
    throw error;
  }
}
