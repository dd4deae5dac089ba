import * as z from 'zod/mini';
import { Address, InvalidAddress } from '../../core/ip/address.ts';
import type { NodeOverlayIP, OverlayAddress } from '../../core/resources.ts';
import { type Kind, manifestKind, type ReadObject, readObject, ruleErrors } from '../define-kind.ts';
import { failed, type Parsed, read } from '../errors.ts';
import { isObject, type JsonObject, nameError } from '../metadata.ts';
import { OVERLAY_ADDRESS, parseOverlayAddress } from '../overlay-address-field.ts';
import { poolNameField } from '../pool-name.ts';
import { fields, parsedTexts, type Rule, text } from '../schema.ts';
import { NAME_LENGTH } from '../status-fields.ts';
import { GRANTED, nodeOverlayIPStatus } from './node-overlay-ip-status.ts';
import { fromInterfaceStatus, interfaceStatus } from './overlay-interface.ts';

const NODE_NAME: Rule<string> = {
  message: 'must be the name of a Node',
  cel: { rule: "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')" },
  check: nameError,
};

const ONE_PER_FAMILY: Rule<OverlayAddress[]> = {
  message: 'at most one address per family',
  cel: {
    rule: '!self.all(a, isCIDR(a)) || self.size() < 2 || cidr(self[0]).ip().family() != cidr(self[1]).ip().family()',
    messageExpression: `'%s and %s are of one family: write at most one address per family'.format([self[0], self[1]])`,
  },
  check: ([first, second]) => {
    if (first === undefined || first.address.family !== second?.address.family) return undefined;
    return `${first.address}/${first.prefixLength} and ${second.address}/${second.prefixLength} are of one family: write at most one address per family`;
  },
};

/** Only the API server knows what an object was before. */
const IMMUTABLE: Rule<unknown> = {
  message: 'cannot be changed: delete the object, and create another',
  cel: { rule: 'self == oldSelf' },
  check: () => undefined,
};

const spec = fields(
  { about: 'Whose address it is. Set once: who wants another one deletes the object.' },
  {
    node: text({ about: 'Name of the node.' }, { max: NAME_LENGTH, rules: [NODE_NAME] }),
    pool: poolNameField({ about: 'Name of the OverlayPool.' }),
    addresses: parsedTexts(
      { about: 'The addresses, at most one per family.' },
      { about: 'An address of a host with the length of its subnet: 192.168.100.4/24.' },
      OVERLAY_ADDRESS,
      { min: 1, max: 2, merge: 'set', rules: [ONE_PER_FAMILY] },
    ),
  },
  [IMMUTABLE],
);

export type NodeOverlayIPSpec = z.input<typeof spec>;

/** The name of the object of a node and a pool. */
export function nodeOverlayIPName(node: string, pool: string): string {
  return `${node}.${pool}`;
}

const NAMED: Rule<{ readonly name: string; readonly node: string; readonly pool: string }> = {
  message: 'metadata.name must be NODE.POOL',
  cel: {
    rule: "self.metadata.name == self.spec.node + '.' + self.spec.pool",
    messageExpression: `'metadata.name must be %s.%s'.format([self.spec.node, self.spec.pool])`,
  },
  check: ({ name, node, pool }) => (name === nodeOverlayIPName(node, pool) ? undefined : `must be ${nodeOverlayIPName(node, pool)}`),
};

const definition: Kind<typeof spec, ReturnType<typeof nodeOverlayIPStatus>> = {
  kind: 'NodeOverlayIP',
  plural: 'nodeoverlayips',
  shortName: 'noip',
  scope: 'Cluster',
  summary: 'The overlay addresses of one node from one OverlayPool.',
  details: `The controller creates one for every node that a pool selects. Create it yourself to ask for a certain address: it is granted when it is in a range of
the pool that serves the node, and free. When you delete it, the node gets the same address again as long as it is selected; it is given back
once the node is gone, or no longer selected, for the pool's \`reclaim.delay\`.

The agent of the node uses the addresses while \`Ready\` is \`True\`, and answers by \`device\` and the condition \`DeviceReady\`. Without Kubernetes it
uses those of the object in the folder that names its node.

[Reasons](../overlay.md#reasons) says what each word of the column **State** means, and what to do.`,
  example: `apiVersion: fairlead.dev/v1alpha1
kind: NodeOverlayIP
metadata:
  name: node-a.default
spec:
  node: node-a
  pool: default
  addresses: [192.168.100.16/24]
`,
  demands: [NAMED],
  selectableFields: ['spec.node', 'spec.pool'],
  spec,
  status: nodeOverlayIPStatus,
  columns: [
    { name: 'Address', type: 'string', jsonPath: '.spec.addresses[0]', description: 'The address, or the first of two.' },
    { name: 'Second', type: 'string', jsonPath: '.spec.addresses[1]', description: 'The address of the other family.', wide: true },
    { name: 'Gateway', type: 'string', jsonPath: '.status.addresses[0].gateway', description: 'The gateway of the first.' },
    { name: 'Zone', type: 'string', jsonPath: '.status.zone', description: 'The zone of the node.' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node', description: 'The node.' },
    {
      name: 'State',
      type: 'string',
      jsonPath: `.status.conditions[?(@.type=="Ready")].reason`,
      description: 'Granted, or why the node may not use them, in one word.',
    },
    {
      name: 'Device',
      type: 'string',
      jsonPath: `.status.conditions[?(@.type=="DeviceReady")].reason`,
      description: 'InPlace, or why the node has not put them in place, in one word.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
  ],
};

/** What an agent acts on of the status. It may be all that is left of it. */
const decided = z.object({
  addresses: z.optional(z.array(z.object({ address: z.string(), gateway: z.string() }))),
  interface: z.optional(interfaceStatus),
  conditions: z.optional(z.array(z.object({ type: z.string(), status: z.string() }))),
});

type Decided = z.output<typeof decided>;

/**
 * A NodeOverlayIP as core wants it. Without a uid it is from a folder, where nobody is asked, so its addresses are granted.
 * `source` says where it was read, for people. Never throws.
 */
export function parseNodeOverlayIP(object: unknown, source?: string): Parsed<NodeOverlayIP> {
  const parsed = readObject(definition, object, source);
  if (!parsed.ok) return parsed;
  const fields = isObject(object) ? object : {};
  const status = read(decided, fields['status'] ?? {}, ['status']);
  const { meta, spec: wire } = parsed.value;
  const misnamed = ruleErrors('metadata.name', [NAMED], { name: meta.ref.name, node: wire.node, pool: wire.pool });
  if (!status.ok || misnamed.length > 0) return { ok: false, errors: [...misnamed, ...(status.ok ? [] : status.errors)] };
  const deleting = isObject(fields['metadata']) && fields['metadata']['deletionTimestamp'] !== undefined;
  try {
    return { ok: true, value: toNodeOverlayIP(parsed.value, status.value, deleting) };
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    return failed('status', error.message);
  }
}

/** @throws InvalidAddress */
function toNodeOverlayIP({ meta, spec: wire }: ReadObject<typeof spec>, status: Decided, deleting: boolean): NodeOverlayIP {
  const gateways = (status.addresses ?? []).map(({ address, gateway }) => ({
    address: parseOverlayAddress(address).address,
    gateway: Address.parse(gateway),
  }));
  return {
    meta,
    node: wire.node,
    pool: wire.pool,
    addresses: wire.addresses.map((own) => {
      const gateway = gateways.find(({ address }) => address.equals(own.address))?.gateway;
      return gateway === undefined ? own : { ...own, gateway };
    }),
    ...(status.interface !== undefined && { interface: fromInterfaceStatus(status.interface) }),
    granted: meta.uid === undefined || isTrue(status.conditions, GRANTED),
    deleting,
  };
}

function isTrue(conditions: Decided['conditions'], wanted: string): boolean {
  return conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
}

/** Neither what agents themselves write, or each report would come back as news, nor words and times. */
function statusForAgents({ addresses, interface: device, conditions }: JsonObject): JsonObject {
  return {
    ...(addresses !== undefined && { addresses: entriesOf(addresses, ['address', 'gateway']) }),
    ...(device !== undefined && { interface: device }),
    ...(conditions !== undefined && { conditions: entriesOf(conditions, ['type', 'status'], ({ type }) => type === GRANTED) }),
  };
}

/** These fields of the objects of a list; whatever is no such list stays as it is, to be found wrong. */
function entriesOf(list: unknown, names: readonly string[], keep: (entry: JsonObject) => boolean = () => true): unknown {
  if (!Array.isArray(list)) return list;
  return list
    .map((entry: unknown) => (isObject(entry) ? entry : {}))
    .filter(keep)
    .map((entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => names.includes(name))));
}

export const nodeOverlayIPKind = manifestKind({
  definition,
  type: 'node-overlay-ip',
  parse: parseNodeOverlayIP,
  watched: 'own',
  essence: { deletion: true, status: statusForAgents },
});
