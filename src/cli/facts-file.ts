import * as z from 'zod/mini';
import type { Link, NodeFacts, Rule } from '../core/facts.ts';
import { Address, InvalidAddress } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { type Route, RouteIndex, type RouteSpec } from '../core/route.ts';
import { CommandFailed } from '../runtime/config.ts';

/** What `plan` needs of a machine: enough to plan for it anywhere else. */
export interface SavedFacts {
  readonly facts: NodeFacts;
  readonly owned: RouteIndex;
}

/** JSON in which addresses and prefixes are text. The inverse of `parseFacts`. */
export function formatFacts({ facts, owned }: SavedFacts): string {
  return `${JSON.stringify({ version: 1, facts, owned: [...owned.values()] }, null, 1)}\n`;
}

/** @throws CommandFailed that names the file and the field */
export function parseFacts(text: string, file: string): SavedFacts {
  const parsed = fileSchema.safeParse(parseJson(text, file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.length ? `${issue.path.join('.')}: ` : '';
    throw new CommandFailed(`${file}: ${field}${issue?.message}; write it with "fairlead plan --save-facts ${file}"`);
  }
  const { facts, owned } = parsed.data;
  return {
    facts: {
      ...facts,
      routes: facts.routes.map(routeOf),
      rules: facts.rules.map((rule) => defined(rule) as Rule),
      links: facts.links.map((link) => defined(link) as Link),
    },
    owned: RouteIndex.of(owned.map(routeOf)),
  };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailed(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const address = z.pipe(
  z.string(),
  z.transform((text, context) => parsed(() => Address.parse(text), context)),
);
const prefix = z.pipe(
  z.string(),
  z.transform((text, context) => parsed(() => Prefix.parse(text), context)),
);

function parsed<T>(parse: () => T, context: { issues: unknown[] }): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    context.issues.push({ code: 'custom', message: error.message, input: undefined });
    return z.NEVER;
  }
}

const device = z.object({ index: z.number(), name: z.string() });
const hop = z.object({ gateway: z.optional(address), device: z.optional(device), onLink: z.boolean() });
const routeTypes = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'anycast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'other',
] as const;
const spec = z.object({
  table: z.number(),
  metric: z.number(),
  protocol: z.number(),
  type: z.enum(routeTypes),
  hops: z.array(hop),
  source: z.optional(address),
  mtu: z.optional(z.number()),
});
const route = z.object({ prefix, spec });
const rule = z.object({
  family: z.union([z.literal(4), z.literal(6)]),
  priority: z.number(),
  protocol: z.number(),
  action: z.enum(['lookup', 'unreachable', 'blackhole', 'prohibit', 'goto', 'nop', 'other']),
  table: z.number(),
  goto: z.optional(z.number()),
  from: z.optional(prefix),
  to: z.optional(prefix),
  iif: z.optional(z.string()),
  oif: z.optional(z.string()),
  mark: z.optional(z.object({ value: z.number(), mask: z.number() })),
  suppressPrefixLength: z.optional(z.number()),
  opaque: z.boolean(),
});
const link = z.object({
  index: z.number(),
  name: z.string(),
  up: z.boolean(),
  carrier: z.boolean(),
  loopback: z.boolean(),
  mtu: z.number(),
  rpFilter: z.number(),
  arpIgnore: z._default(z.number(), 0),
  arpAnnounce: z._default(z.number(), 0),
  parent: z.optional(z.number()),
  kind: z.optional(z.string()),
  mode: z.optional(z.enum(['bridge', 'other'])),
  alias: z.optional(z.string()),
  mac: z.optional(z.string()),
  formerMac: z.optional(z.string()),
  likeOurs: z.optional(z.literal(true)),
});
const ownAddress = z.object({
  device,
  address,
  prefixLength: z.number(),
  ours: z._default(z.boolean(), false),
  state: z._default(z.enum(['valid', 'tentative', 'duplicate']), 'valid'),
});
const fileSchema = z.object({
  version: z.literal(1),
  facts: z.object({
    links: z.array(link),
    addresses: z.array(ownAddress),
    routes: z.array(route),
    rules: z.array(rule),
    rpFilterAll: z.number(),
    kernelRelease: z.string(),
  }),
  owned: z.array(route),
});

function routeOf(raw: z.infer<typeof route>): Route {
  const hops = raw.spec.hops.map((each) => defined(each) as RouteSpec['hops'][number]);
  return { prefix: raw.prefix, spec: { ...(defined(raw.spec) as RouteSpec), hops } };
}

/** JSON has no `undefined`; a field that is absent stays absent. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
