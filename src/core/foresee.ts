import type { Change } from './change.ts';
import { diff, type OwnedState } from './diff.ts';
import { type InterfaceAddress, LINK_MARK, type Link, type NodeFacts } from './facts.ts';
import { Prefix } from './ip/prefix.ts';
import { LINK_ARP, type PlannedAddress, type PlannedLink, probeKey } from './plan.ts';
import type { NodeIdentity } from './planner/node.ts';
import { NodePlanner, type Planned } from './planner/node-planner.ts';
import { objectKey } from './repair.ts';
import type { ResourceSnapshot } from './resources.ts';
import { PROTOCOL_KERNEL, type Route, TABLE_MAIN } from './route.ts';

/** A device, its addresses, the routes by them. */
const STEPS = 4;

export interface Foreseen {
  /** What is planned when all of it is in place. */
  readonly planned: Planned;
  /** Everything that an agent would do, in order. */
  readonly changes: readonly Change[];
}

/**
 * All that an agent would do on this node, step by step: a device is made before it gets addresses, and an address is there before routes
 * use it. What a probe would find is not known here: nobody is taken to have the address.
 */
export function foresee(resources: ResourceSnapshot, owned: OwnedState, facts: NodeFacts, node: NodeIdentity): Foreseen {
  const planner = new NodePlanner();
  const changes = new Map<string, Change>();
  let world = { facts, node };
  for (let step = 1; ; step++) {
    const planned = planner.plan(resources, world.facts, world.node);
    const fresh = diff(owned, planned.plan, world.facts).filter((change) => !changes.has(`${change.op} ${objectKey(change)}`));
    for (const change of fresh) changes.set(`${change.op} ${objectKey(change)}`, change);
    const probes = planned.plan.resources.flatMap((plan) => plan.probes).map(probeKey);
    const open = probes.filter((key) => !world.node.probed.has(key));
    const makesWay = fresh.some(({ op }) => op === 'add-link' || op === 'set-link' || op === 'add-address');
    if (step === STEPS || (!makesWay && open.length === 0)) return { planned, changes: [...changes.values()] };
    const probed = new Map([...world.node.probed, ...open.map((key) => [key, undefined] as const)]);
    world = { facts: fresh.reduce(after, world.facts), node: { ...world.node, probed } };
  }
}

/** The facts once a change has been carried out, as far as further steps depend on it. */
function after(facts: NodeFacts, change: Change): NodeFacts {
  if (change.op === 'add-address') return withAddress(facts, change.address);
  if (change.op !== 'add-link' && change.op !== 'set-link') return facts;
  const index = change.op === 'set-link' ? change.device.index : 1 + Math.max(...facts.links.map((link) => link.index));
  return { ...facts, links: [...facts.links.filter((link) => link.index !== index), madeLink(change.link, index)] };
}

function madeLink({ name, parent, mtu, pool }: PlannedLink, index: number): Link {
  const common = { up: true, carrier: true, loopback: false, rpFilter: 0, ...LINK_ARP };
  return { index, name, mtu, parent: parent.index, kind: 'macvlan', alias: `${LINK_MARK}${pool}`, ...common };
}

/** With the route that the kernel makes for its network. */
function withAddress(facts: NodeFacts, { device, address, prefixLength }: PlannedAddress): NodeFacts {
  const own: InterfaceAddress = { device, address, prefixLength, ours: true, state: 'valid' };
  const hops = [{ device, onLink: false }];
  const connected: Route = {
    prefix: Prefix.of(address, prefixLength),
    spec: { table: TABLE_MAIN, metric: 0, protocol: PROTOCOL_KERNEL, type: 'unicast', hops },
  };
  return { ...facts, addresses: [...facts.addresses, own], routes: [...facts.routes, connected] };
}
