import type * as z from 'zod/mini';
import { Prefix } from '../../core/ip/prefix.ts';
import type { OverlayInterface, OverlayParent } from '../../core/resources.ts';
import { exactlyOne } from '../members.ts';
import { deviceField, PREFIX_LENGTH, prefixField } from '../network-fields.ts';
import { choice, fields, lenientFields, optional, type Rule, text } from '../schema.ts';
import { DEFAULT_TOWARD } from './static-route-via.ts';

const DEFAULT_NAME = 'tmp0';

const TYPES = ['Macvlan', 'Address'] as const;

const parent = fields(
  { about: 'The device of the node that is on the link of the pool: exactly one of these.', absent: 'toward 10.0.0.0/8' },
  {
    name: optional(deviceField({ about: 'Name of the device.' })),
    toward: optional(
      prefixField({ about: "A prefix: the device is the one that the node's own longest route for all of it leads through." }),
    ),
  },
  [exactlyOne('name', 'toward')],
);

interface Devices {
  readonly parent?: { readonly name?: string };
  readonly name?: string;
}

const NOT_ITS_PARENT: Rule<Devices> = {
  message: 'name must not be that of parent',
  cel: {
    rule: `!has(self.parent) || !has(self.parent.name) || self.parent.name != (has(self.name) ? self.name : '${DEFAULT_NAME}')`,
    messageExpression: `'"%s" cannot be its own parent: write another name'.format([self.parent.name])`,
  },
  check: ({ parent: below, name = DEFAULT_NAME }) =>
    below?.name === name ? `"${name}" cannot be its own parent: write another name` : undefined,
};

/** As a user writes it: everything may be left out. */
export const interfaceField = fields(
  {
    about: 'The device that carries the overlay address on each node.',
    absent: `a macvlan device ${DEFAULT_NAME} on the one toward 10.0.0.0/8`,
  },
  {
    parent: optional(parent),
    name: optional(deviceField({ about: 'Name of the macvlan device.', absent: DEFAULT_NAME })),
    type: optional(
      choice(
        {
          about: 'Macvlan: a device of its own in bridge mode, with a MAC address of its own. Address: a second address of the parent.',
          absent: 'Macvlan',
        },
        TYPES,
      ),
    ),
  },
  [NOT_ITS_PARENT],
);

export function toInterface(wire: z.output<typeof interfaceField> | undefined): OverlayInterface {
  const { parent: below, name = DEFAULT_NAME, type = 'Macvlan' } = wire ?? {};
  return { parent: toParent(below?.name, below?.toward), name, type };
}

function toParent(name: string | undefined, toward: Prefix | undefined): OverlayParent {
  return name === undefined ? { toward: toward ?? DEFAULT_TOWARD } : { name };
}

/** As the controller writes it into the status of a NodeOverlayIP, complete. */
export const interfaceStatus = lenientFields(
  { about: "The pool's settings for the device." },
  {
    parent: lenientFields(
      { about: 'The device below: by its name, or by a route.' },
      {
        name: optional(text({ about: 'Its name.' }, { max: 15 })),
        toward: optional(text({ about: 'The prefix whose route leads through it.' }, { max: PREFIX_LENGTH })),
      },
    ),
    name: text({ about: 'Name of the macvlan device.' }, { max: 15 }),
    type: choice({ about: 'Macvlan or Address.' }, TYPES),
  },
);

/** What `interfaceStatus` holds. @throws InvalidAddress */
export function fromInterfaceStatus({ parent: below, name, type }: z.output<typeof interfaceStatus>): OverlayInterface {
  return { parent: toParent(below.name, below.toward === undefined ? undefined : Prefix.parse(below.toward)), name, type };
}

/** What is to be written into the status. */
export function toInterfaceStatus({ parent: below, name, type }: OverlayInterface): z.input<typeof interfaceStatus> {
  return { parent: 'name' in below ? { name: below.name } : { toward: below.toward.text }, name, type };
}
