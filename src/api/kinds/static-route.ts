import type * as z from 'zod/mini';
import { comparePrefixes, type Prefix } from '../../core/ip/prefix.ts';
import { PrefixMap } from '../../core/ip/prefix-map.ts';
import { DEFAULT_METRIC, type StaticRoute } from '../../core/resources.ts';
import { type Kind, manifestKind, readObject } from '../define-kind.ts';
import type { Parsed } from '../errors.ts';
import { hostAddressField, SUBNET } from '../network-fields.ts';
import { choice, type Finding, fields, integer, optional, parsedTexts, type Rule, withDefault } from '../schema.ts';
import { selectorField, toSelector } from '../selector-field.ts';
import { staticRouteStatus } from './static-route-status.ts';
import { toVia, viaField } from './static-route-via.ts';

/** Largest metric of a route: RTA_PRIORITY is an unsigned 32-bit number. IPv6 reads 0 as 1024, so 1 is the smallest. */
const MAX_METRIC = 4294967295;
/** What IPv4 demands of every link (RFC 791), and what the kernel keeps of a larger one (ip_metrics_convert). */
const MTU = { min: 68, max: 65520 } as const;

const NO_DUPLICATES: Rule<Prefix[]> = {
  message: 'each prefix only once, also when it is written in two ways',
  check: (subnets) => (isAscending(subnets) ? undefined : duplicatesIn(subnets)),
};

/** Long lists are mostly written by programs, in order: then no look-up is needed to know that nothing is there twice. */
function isAscending(subnets: readonly Prefix[]): boolean {
  let before: Prefix | undefined;
  for (const prefix of subnets) {
    if (before !== undefined && comparePrefixes(before, prefix) >= 0) return false;
    before = prefix;
  }
  return true;
}

function duplicatesIn(subnets: readonly Prefix[]): readonly Finding[] {
  const seenAt = new PrefixMap<number>();
  return [...subnets.entries()].flatMap(([i, prefix]) => {
    const earlier = seenAt.get(prefix);
    if (earlier !== undefined) return [{ message: `${prefix} is already in spec.subnets[${earlier}]: remove one of them`, path: [i] }];
    seenAt.set(prefix, i);
    return [];
  });
}

const spec = fields(
  { about: 'What to route, and how.' },
  {
    subnets: parsedTexts({ about: 'The prefixes to route, IPv4 and IPv6.' }, { about: 'A prefix without host bits.' }, SUBNET, {
      min: 1,
      max: 4096,
      merge: 'set',
      rules: [NO_DUPLICATES],
    }),
    via: optional(viaField),
    nodeSelector: optional(selectorField({ about: 'The nodes that get the routes.', absent: 'every node' })),
    metric: withDefault(
      integer({ about: 'Metric (priority) of the routes; the lowest wins.' }, { min: 1, max: MAX_METRIC }),
      DEFAULT_METRIC,
    ),
    mtu: optional(integer({ about: 'MTU of the routes, in bytes.', absent: 'that of the device' }, MTU)),
    source: optional(hostAddressField({ about: 'Preferred source address, for subnets of its family.', absent: 'chosen by the kernel' })),
    onMissingGateway: withDefault(
      choice({ about: 'What becomes of the routes after 10 seconds without a next hop: taken away, or refusing packets.' }, [
        'Withdraw',
        'Unreachable',
      ]),
      'Withdraw',
    ),
    reversePath: withDefault(
      choice(
        { about: 'IPv4 only. Loose sets rp_filter=2 on the devices that packets from these subnets may arrive on, while they are strict.' },
        ['Preserve', 'Loose'],
      ),
      'Preserve',
    ),
  },
);

export type StaticRouteSpec = z.input<typeof spec>;

const definition: Kind<typeof spec, ReturnType<typeof staticRouteStatus>> = {
  kind: 'StaticRoute',
  plural: 'staticroutes',
  shortName: 'sr',
  scope: 'Cluster',
  summary: 'Routes subnets outside the cluster, on every node or on those that are selected.',
  details: `By default each node uses the gateway that it already uses for 10.0.0.0/8, so packets of both directions take the same way and reverse-path
filtering has nothing to drop. An object whose rules are broken is refused by the API server; without one, it is named in the
NodeReport and its last good version stays in force.`,
  example: `apiVersion: fairlead.dev/v1alpha1
kind: StaticRoute
metadata:
  name: on-prem
spec:
  subnets: [192.168.50.0/24, "2001:db8:50::/48"]
  via:
    gateways:
      - address: 10.176.162.129
        nodeSelector: {matchLabels: {topology.kubernetes.io/zone: a}}
      - address: 10.176.163.129
      - address: fe80::1
        device: eth1
`,
  spec,
  status: staticRouteStatus,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether every selected node has the routes.',
    },
    { name: 'Nodes', type: 'integer', jsonPath: '.status.nodes.selected', description: 'Nodes that are selected.' },
    { name: 'Failed', type: 'integer', jsonPath: '.status.nodes.failed', description: 'Selected nodes that lack the routes.' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why it is not ready.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
    { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', description: 'What to do.', wide: true },
  ],
};

/** A StaticRoute as core wants it. `source` says where it was read, for people. Never throws. */
export function parseStaticRoute(object: unknown, source?: string): Parsed<StaticRoute> {
  const parsed = readObject(definition, object, source);
  if (!parsed.ok) return parsed;
  const { meta, spec: wire } = parsed.value;
  return {
    ok: true,
    value: {
      meta,
      subnets: wire.subnets,
      via: toVia(wire.via ?? {}),
      nodeSelector: toSelector(wire.nodeSelector),
      metric: wire.metric,
      ...(wire.mtu !== undefined && { mtu: wire.mtu }),
      ...(wire.source !== undefined && { source: wire.source }),
      onMissingGateway: wire.onMissingGateway,
      reversePath: wire.reversePath,
    },
  };
}

export const staticRouteKind = manifestKind({ definition, type: 'static-route', parse: parseStaticRoute, watched: 'every' });
