import { flag, integer, lenientFields, list, once, optional, text } from '../schema.ts';
import { COUNT, conditionsField, messageField, nameField } from '../status-fields.ts';

const nodes = () =>
  lenientFields(
    { about: 'Counts of nodes; `selected` is the sum of the others.' },
    {
      selected: integer({ about: 'Nodes that the resource selects.' }, COUNT),
      ready: integer({ about: 'Of these, nodes that have every route.' }, COUNT),
      failed: integer({ about: 'Of these, nodes that have not.' }, COUNT),
    },
  );

const nodeStatus = () =>
  lenientFields(
    { about: 'One node.' },
    {
      hostname: nameField('Name of the node.'),
      gateway: optional(text({ about: 'The gateway in use.' }, { max: 256 })),
      device: optional(text({ about: 'The device in use.' }, { max: 256 })),
      ready: flag({ about: 'Whether the node has every route.' }),
      reason: text({ about: 'Ready, or what is wrong in one word.' }, { max: 1024 }),
      message: messageField('What a person can act on.'),
    },
  );

/** Written by the controller, from what the nodes report. */
export const staticRouteStatus = once(() =>
  lenientFields(
    { about: 'What has become of it.' },
    {
      observedGeneration: optional(integer({ about: 'The generation of the object that this status is about.' }, COUNT)),
      nodes: optional(nodes()),
      nodeStatus: optional(
        list({ about: 'Failing nodes first, at most 100; each NodeReport has all of its node.' }, nodeStatus(), { max: 100 }),
      ),
      conditions: optional(conditionsField('Ready, and Degraded with a reason.')),
    },
  ),
);
