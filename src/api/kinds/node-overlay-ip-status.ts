import type * as z from 'zod/mini';
import type { DeepReadonly } from '../deep-readonly.ts';
import { type Parsed, read } from '../errors.ts';
import { ADDRESS_LENGTH, PREFIX_LENGTH } from '../network-fields.ts';
import { integer, lenientFields, list, once, optional, text } from '../schema.ts';
import { COUNT, conditionsField } from '../status-fields.ts';
import { interfaceStatus } from './overlay-interface.ts';

const addressStatus = () =>
  lenientFields(
    { about: 'One address.' },
    {
      address: text({ about: 'The address and the length of its subnet, as in the spec.' }, { min: 1, max: PREFIX_LENGTH }),
      gateway: text({ about: 'The gateway of that subnet.' }, { max: ADDRESS_LENGTH }),
      ipamID: optional(text({ about: 'Name of its record in the external system; absent where there is none.' }, { max: 256 })),
    },
  );

const device = () =>
  lenientFields(
    { about: 'The device that carries the addresses.' },
    {
      name: text({ about: 'Its name.' }, { max: 15 }),
      parent: optional(text({ about: 'The device that it is on.' }, { max: 15 })),
      mac: optional(text({ about: 'Its link-layer address.' }, { max: 64 })),
      mtu: optional(integer({ about: 'Its MTU in bytes.' }, COUNT)),
    },
  );

/** The controller writes all of it but `device` and the condition DeviceReady, which are the agent's. */
export const nodeOverlayIPStatus = once(() =>
  lenientFields(
    { about: 'What the controller has decided, and what the agent has made of it.' },
    {
      observedGeneration: optional(integer({ about: 'The generation of the object that the controller has seen.' }, COUNT)),
      zone: optional(text({ about: 'The zone of the node, which decides the range; absent where it has none.' }, { max: 63 })),
      addresses: optional(list({ about: 'What belongs to each address.' }, addressStatus(), { max: 2, merge: ['address'] })),
      interface: optional(interfaceStatus),
      device: optional(device()),
      conditions: optional(
        conditionsField('Ready: the node may use the addresses; written by the controller. DeviceReady: it does; written by the agent.'),
      ),
    },
  ),
);

export type NodeOverlayIPStatus = DeepReadonly<z.output<ReturnType<typeof nodeOverlayIPStatus>>>;
export type OverlayAddressStatus = NonNullable<NodeOverlayIPStatus['addresses']>[number];
export type OverlayDeviceStatus = NonNullable<NodeOverlayIPStatus['device']>;

/** The condition by which the controller grants the addresses, and that by which the agent answers. */
export const GRANTED = 'Ready';
export const DEVICE_READY = 'DeviceReady';

/** `status` of a NodeOverlayIP, which newer programs may have written; an absent one is empty. Never throws. */
export function parseNodeOverlayIPStatus(status: unknown): Parsed<NodeOverlayIPStatus> {
  return read(nodeOverlayIPStatus(), status ?? {}, ['status']);
}
