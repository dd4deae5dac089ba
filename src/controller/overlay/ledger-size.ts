import type { Entry } from './ledger.ts';

/**
 * Most bytes of the entries of one ledger, when all of them are being given back. An API server keeps objects of 1.5 MiB, and a status says
 * more than the ledger.
 */
export const MOST_BYTES = 1_200_000;

const TIME = '2027-01-01T00:00:00.000Z';
/** All but the texts that differ from entry to entry; with the comma. */
const FRAME = JSON.stringify({ address: '', node: '', since: TIME, releaseAfter: TIME, releasing: true, record: '' }).length + 1;
/** Longer than the numbers by which a phpIPAM names its records. */
const RECORD = 10;

/** The most that an entry becomes in JSON until it goes: whatever was entered must be possible to give back. */
export function bytesOf({ address, node, record }: Entry): number {
  return FRAME + address.text.length + node.length + Math.max(RECORD, record?.length ?? 0);
}
