import type * as z from 'zod/mini';
import type { OverlayPool } from '../../core/resources.ts';
import { type Kind, manifestKind, readObject, ruleErrors } from '../define-kind.ts';
import { durationField, milliseconds } from '../duration-field.ts';
import type { Parsed } from '../errors.ts';
import { exactlyOne } from '../members.ts';
import { rangesField } from '../overlay-range-field.ts';
import { POOL_NAMED } from '../pool-name.ts';
import { fields, optional } from '../schema.ts';
import { selectorField, toSelector } from '../selector-field.ts';
import { interfaceField, toInterface } from './overlay-interface.ts';
import { phpIpamField, toPhpIpam } from './overlay-pool-phpipam.ts';
import { overlayPoolStatus } from './overlay-pool-status.ts';

const DEFAULT_DELAY = '10m';
/** A year. */
const LONGEST_DELAY_HOURS = 8760;

const ipam = fields(
  { about: 'Where addresses come from: exactly one of these.' },
  {
    cluster: optional(
      fields({ about: 'The pool itself says which, and its status is the ledger. No other system is needed.' }, { ranges: rangesField }),
    ),
    phpIPAM: optional(phpIpamField),
  },
  [exactlyOne('cluster', 'phpIPAM')],
);

const reclaim = fields(
  { about: 'What becomes of the address of a node that is gone.', absent: `given back after ${DEFAULT_DELAY}` },
  {
    delay: optional(
      durationField(
        { about: 'How long a node keeps its address after it was deleted or is no longer selected.', absent: DEFAULT_DELAY },
        { hours: LONGEST_DELAY_HOURS },
      ),
    ),
  },
);

const spec = fields(
  { about: 'Which nodes get addresses, from where, and on which device.' },
  {
    ipam,
    interface: optional(interfaceField),
    nodeSelector: optional(selectorField({ about: 'The nodes that get an address.', absent: 'every node' })),
    reclaim: optional(reclaim),
  },
);

export type OverlayPoolSpec = z.input<typeof spec>;

const READY = '.status.conditions[?(@.type=="Ready")]';

const definition: Kind<typeof spec, ReturnType<typeof overlayPoolStatus>> = {
  kind: 'OverlayPool',
  plural: 'overlaypools',
  shortName: 'op',
  scope: 'Cluster',
  summary: 'Gives each node an address of its own in a network of somebody else, with a device for it.',
  details: `The controller gives each selected node one address of each family for which the zone of the node has a range, and says so by a
[NodeOverlayIP](node-overlay-ip.md) named \`NODE.POOL\`. The agent of the node makes the device. Routes use it by \`via.overlay\` of a
[StaticRoute](static-route.md). A node keeps its address as long as it is there and selected, also when this object is edited, and for
\`reclaim.delay\` after that. To ask for a certain address, create the NodeOverlayIP yourself.

The zone of a node is its label \`topology.kubernetes.io/zone\`, or the older \`failure-domain.beta.kubernetes.io/zone\`. Without Kubernetes nobody
gives addresses: the folder holds the NodeOverlayIP of the node beside its pool.

[Reasons](../overlay.md#reasons) says what each word of the columns **Reason** and **Problem** means, and what to do.`,
  example: `apiVersion: fairlead.dev/v1alpha1
kind: OverlayPool
metadata:
  name: default
spec:
  ipam:
    cluster:
      ranges:
        - {zone: a, subnet: 192.168.100.0/24, gateway: 192.168.100.1, exclude: [192.168.100.0/28, 192.168.100.77]}
        - {zone: b, subnet: 192.168.101.0/24, gateway: 192.168.101.1}
  interface:
    parent: {toward: 10.0.0.0/8}
    name: tmp0
  nodeSelector: {matchLabels: {example.org/overlay: "true"}}
  reclaim: {delay: 1h}
`,
  demands: [POOL_NAMED],
  spec,
  status: overlayPoolStatus,
  columns: [
    { name: 'Ready', type: 'string', jsonPath: `${READY}.status`, description: 'Whether every selected node has its address.' },
    { name: 'Capacity', type: 'integer', jsonPath: '.status.capacity', description: 'How many nodes can have an address.' },
    { name: 'Allocated', type: 'integer', jsonPath: '.status.allocated', description: 'How many nodes have one.' },
    { name: 'Free', type: 'integer', jsonPath: '.status.free', description: 'How many more nodes can have one.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
    { name: 'Reason', type: 'string', jsonPath: `${READY}.reason`, description: 'Why it is not ready.' },
    {
      name: 'Problem',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Degraded")].reason',
      description: 'What is wrong, also where every selected node has its address; else NoProblem.',
    },
    { name: 'Message', type: 'string', jsonPath: `${READY}.message`, description: 'What to do.', wide: true },
  ],
};

/** An OverlayPool as core wants it. Its status is not looked at. Never throws. */
export function parseOverlayPool(object: unknown, source?: string): Parsed<OverlayPool> {
  const parsed = readObject(definition, object, source);
  if (!parsed.ok) return parsed;
  const { meta, spec: wire } = parsed.value;
  const errors = ruleErrors('metadata.name', [POOL_NAMED], meta.ref.name);
  if (errors.length > 0) return { ok: false, errors };
  return {
    ok: true,
    value: {
      meta,
      ipam: toIpam(wire.ipam),
      interface: toInterface(wire.interface),
      nodeSelector: toSelector(wire.nodeSelector),
      reclaimDelay: milliseconds(wire.reclaim?.delay ?? DEFAULT_DELAY),
    },
  };
}

function toIpam({ cluster, phpIPAM }: z.output<typeof ipam>): OverlayPool['ipam'] {
  if (phpIPAM) return toPhpIpam(phpIPAM);
  const ranges = (cluster?.ranges ?? []).map(({ zone, subnet, gateway, exclude }) => ({
    ...(zone !== undefined && { zone }),
    subnet,
    gateway,
    exclude: exclude ?? [],
  }));
  return { type: 'cluster', ranges };
}

/** Agents learn what they need of a pool from its NodeOverlayIPs: its ledger may have thousands of entries. */
export const overlayPoolKind = manifestKind({ definition, type: 'overlay-pool', parse: parseOverlayPool, watched: 'none' });
