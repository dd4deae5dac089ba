import type * as z from 'zod/mini';
import type { DeepReadonly } from '../deep-readonly.ts';
import { type Parsed, read } from '../errors.ts';
import { ADDRESS_LENGTH, PREFIX_LENGTH } from '../network-fields.ts';
import { flag, integer, lenientFields, list, once, optional, text } from '../schema.ts';
import { COUNT, conditionsField, messageField, nameField, timeField } from '../status-fields.ts';

/** Most entries of the lists of a pool. The API server also limits the whole object, to 1.5 MiB. */
export const POOL_LIMITS = { ledger: 16384, waiting: 100, ranges: 4096 } as const;

const ledgerEntry = () =>
  lenientFields(
    { about: 'One address, and whose it is.' },
    {
      address: text({ about: 'The address.' }, { min: 1, max: ADDRESS_LENGTH }),
      node: nameField('The node that it is for.'),
      since: timeField('When it was entered.'),
      releaseAfter: optional(timeField('When it is given back, unless the node is there again and selected by then.')),
      releasing: optional(flag({ about: 'It is being given back: whatever happens, nobody uses it any more.' })),
      record: optional(text({ about: 'Name of its record in the external system, once that is being deleted.' }, { max: 256 })),
    },
  );

const rangeStatus = () =>
  lenientFields(
    { about: 'One range.' },
    {
      zone: optional(text({ about: 'Its zone; absent where it has none.' }, { max: 63 })),
      subnet: text({ about: 'Its subnet.' }, { max: PREFIX_LENGTH }),
      gateway: text({ about: 'Its gateway.' }, { max: ADDRESS_LENGTH }),
      allocated: integer({ about: 'Addresses of it that nodes have.' }, COUNT),
      free: integer({ about: 'Addresses of it that nodes can still get.' }, COUNT),
    },
  );

const waitingNode = () =>
  lenientFields(
    { about: 'One node that has no address yet.' },
    {
      node: nameField('Its name.'),
      reason: text({ about: 'Why, in one word.' }, { max: 1024 }),
      message: messageField('What a person can act on.'),
    },
  );

/** Written by the controller alone. The ledger is written as a whole over the version that was read, so that of two who write one loses. */
export const overlayPoolStatus = once(() =>
  lenientFields(
    { about: 'Who has which address, and how many are left.' },
    {
      observedGeneration: optional(integer({ about: 'The generation of the object that this status is about.' }, COUNT)),
      ledger: optional(
        list(
          { about: 'Every address that is given, is about to be, or is being given back: entered here before anything is done about it.' },
          ledgerEntry(),
          { max: POOL_LIMITS.ledger },
        ),
      ),
      capacity: optional(
        integer({ about: 'How many nodes can have addresses of this pool; in zones with two families the scarcer one counts.' }, COUNT),
      ),
      allocated: optional(integer({ about: 'How many nodes have addresses of this pool.' }, COUNT)),
      free: optional(integer({ about: 'How many more nodes can have addresses of this pool.' }, COUNT)),
      ranges: optional(
        list({ about: 'The same by range, in the order in which they are used.' }, rangeStatus(), { max: POOL_LIMITS.ranges }),
      ),
      waiting: optional(
        list({ about: 'Selected nodes that have no address yet, in the order in which they get one; at most 100.' }, waitingNode(), {
          max: POOL_LIMITS.waiting,
        }),
      ),
      conditions: optional(conditionsField('Ready: every selected node has its address.')),
    },
  ),
);

export type OverlayPoolStatus = DeepReadonly<z.output<ReturnType<typeof overlayPoolStatus>>>;
export type LedgerEntry = NonNullable<OverlayPoolStatus['ledger']>[number];
export type PoolRangeStatus = NonNullable<OverlayPoolStatus['ranges']>[number];
export type WaitingNode = NonNullable<OverlayPoolStatus['waiting']>[number];

/** `status` of an OverlayPool, which a newer controller may have written; an absent one is empty. Never throws. */
export function parseOverlayPoolStatus(status: unknown): Parsed<OverlayPoolStatus> {
  return read(overlayPoolStatus(), status ?? {}, ['status']);
}
