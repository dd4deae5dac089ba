import { listSome } from '../../core/render.ts';
import { whyReserved } from '../../ipam/reserved.ts';
import { type AgentWait, mendSilence, named as namedWait } from './agent-waits.ts';
import { rangeOf, type Supply } from './decide-supply.ts';
import type { FailingDevice } from './failing-devices.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { PoolView } from './pool-view.ts';
import type { OverlayReason, PoolProblem, Verdict } from './reasons.ts';

export interface ProblemWorld {
  readonly pool: PoolView;
  readonly ledger: Ledger;
  readonly supply: Supply | undefined;
  /** Nodes that have no address, the longest-waiting first. */
  readonly waiting: readonly Verdict[];
  /** Addresses that other pools have, with the name of the pool. */
  readonly elsewhere: ReadonlyMap<string, string>;
  /** Two nodes with one address. */
  readonly doubles: readonly string[];
  readonly ipam: {
    readonly look: PoolProblem | undefined;
    readonly claim: PoolProblem | undefined;
    readonly release: PoolProblem | undefined;
    /** Whether the provider keeps records of its own. */
    readonly external: boolean;
  };
  /** To be given back, but nobody can see what is recorded for them. */
  readonly outOfSight: readonly Entry[];
  /** The agents that have been waited for in vain, so that addresses cannot be given back. */
  readonly waits: readonly AgentWait[];
  /** Nodes that have not used what they are granted for some time. */
  readonly failing: readonly FailingDevice[];
  /** What the API server refuses about nodes that do not wait for an address. */
  readonly rejected: readonly Verdict[];
}

/** What a person should know about a pool, the weightiest first. Pure. */
export function decideProblems(world: ProblemWorld): readonly PoolProblem[] {
  const { pool, supply, waiting, doubles, ipam } = world;
  const unreadable = `spec cannot be read: ${pool.problem}; nothing is given or given back until it can${pool.deleting ? ' (a pool that is being deleted can still be edited)' : ''}`;
  return [
    ...(pool.problem === undefined ? [] : [problem('InvalidSpec', unreadable, true)]),
    ...doubles.map((fact) => problem('AddressTaken', fact)),
    ...heldTwice(world),
    ...[ipam.look ?? ipam.claim].flatMap((trouble) => trouble ?? []),
    ...waitingProblems(waiting),
    ...failingProblems(world),
    ...(supply?.problems ?? []),
    ...heldGateways(world),
    ...outsideRanges(world),
    ...takenBehindOurBack(world),
    ...releaseTrouble(world),
    ...recordsOutOfSight(world),
    ...silentAgents(world),
    ...stuckAgents(world),
    ...rejections(world),
  ];
}

/** No controller does that; but somebody may have written a ledger, or have restored one. */
function heldTwice({ pool, ledger, elsewhere }: ProblemWorld): readonly PoolProblem[] {
  const twice = held(ledger).filter(({ address }) => elsewhere.has(address.text));
  if (twice.length === 0) return [];
  const named = listSome(
    twice.map(({ address, node }) => `${address} of node ${node} is one of OverlayPool ${elsewhere.get(address.text)}`),
  );
  return [problem('AddressTaken', `${named} as well: delete the NodeOverlayIP of one of the two (here NODE.${pool.name})`)];
}

function problem(reason: OverlayReason, message: string, blocks = false): PoolProblem {
  return { reason, message, blocks };
}

/** Trouble with the spec and with the provider is told already. */
const TOLD: readonly OverlayReason[] = ['InvalidSpec', 'IPAMUnavailable', 'IPAMRefused'];

/** One problem for all nodes that wait for the same reason, those of most nodes first. */
function waitingProblems(waiting: readonly Verdict[]): readonly PoolProblem[] {
  const own = waiting.filter(({ reason }) => !TOLD.includes(reason));
  const groups = [...Map.groupBy(own, ({ reason }) => reason)].sort(([, a], [, b]) => b.length - a.length);
  return groups.map(([reason, members]) => {
    const have = members.length === 1 ? '1 node has no address' : `${members.length} nodes have no address`;
    const [{ message } = { message: '' }] = members;
    const why = members.every((each) => each.message === message) ? ': ' : '; the first: ';
    return problem(reason, `${have} (${listSome(members.map(({ node }) => node))})${why}${message}`, true);
  });
}

/** The addresses are given, so the pool is Ready all the same. */
function failingProblems({ failing }: ProblemWorld): readonly PoolProblem[] {
  const [first] = failing;
  if (!first) return [];
  const nodes = listSome(failing.map(({ node }) => node));
  if (failing.length === 1) return [problem('DeviceFailing', `node ${nodes} does not use its address: ${first.reason}: ${first.message}`)];
  const fact = `${failing.length} nodes do not use their addresses (${nodes})`;
  return [problem('DeviceFailing', `${fact}; the first: ${first.reason}: ${first.message}`)];
}

/** Every node of the range sends what is for on-premises to that node, which sends it to itself. */
function heldGateways({ ledger, supply }: ProblemWorld): readonly PoolProblem[] {
  const found = (supply?.all ?? []).flatMap(({ subnet, gateway }) => {
    const holder = ledger.get(gateway.text);
    return holder ? [`gateway ${gateway} of range ${subnet} is the address of node ${holder.node}`] : [];
  });
  if (found.length === 0) return [];
  return [problem('RangeUnusable', `${found.join('; ')}: write the address of the router as its gateway`, true)];
}

/** As when a range has become smaller under them: who has an address keeps it. */
function outsideRanges({ pool, ledger, supply }: ProblemWorld): readonly PoolProblem[] {
  if (pool.deleting || !supply || supply.problems.some(({ reason }) => reason === 'RangeUnusable' || reason === 'IPAMRefused')) return [];
  const outside = held(ledger).filter(({ address }) => {
    const range = rangeOf(supply, address);
    return !range || (whyReserved(range, address) !== undefined && !address.equals(range.gateway));
  });
  if (outside.length === 0) return [];
  const named = listSome(outside.map(({ address, node }) => `${address} of node ${node}`));
  const fix = 'the nodes keep them; add a range that holds them, or ask for others by NodeOverlayIPs of your own';
  return [
    problem(
      'AddressesOutsideRanges',
      `${outside.length === 1 ? '1 address is' : `${outside.length} addresses are`} in no range any more (${named}): ${fix}`,
    ),
  ];
}

/** A person has changed the record of an address that a node has. */
function takenBehindOurBack({ ledger, supply, ipam }: ProblemWorld): readonly PoolProblem[] {
  if (!supply || !ipam.external) return [];
  const taken = held(ledger).flatMap((entry) => {
    const record = rangeOf(supply, entry.address)?.records.get(entry.address.text);
    return record && record.node !== entry.node
      ? [`${entry.address} is that of node ${entry.node}, and recorded for ${record.holder}`]
      : [];
  });
  if (taken.length === 0) return [];
  return [problem('AddressTaken', `${listSome(taken)}: the node keeps it; give the other one another address, and free the record`)];
}

function releaseTrouble({ ledger, ipam }: ProblemWorld): readonly PoolProblem[] {
  const count = [...ledger.values()].filter(({ releasing }) => releasing).length;
  if (!ipam.release || count === 0) return [];
  const are = count === 1 ? '1 address cannot' : `${count} addresses cannot`;
  return [problem('ReleaseFailed', `${are} be given back: ${ipam.release.message}; it is tried again`)];
}

function recordsOutOfSight({ outOfSight }: ProblemWorld): readonly PoolProblem[] {
  if (outOfSight.length === 0) return [];
  const are = outOfSight.length === 1 ? '1 address cannot' : `${outOfSight.length} addresses cannot`;
  const named = listSome(outOfSight.map(({ address, node }) => `${address} of node ${node}`));
  const fix =
    'no usable subnet of spec.ipam holds them, so nobody can see their records: mend that subnet, name it in subnetMap again, or change spec.ipam back to the ranges it had';
  return [problem('ReleaseFailed', `${are} be given back (${named}): ${fix}`)];
}

function silentAgents({ waits }: ProblemWorld): readonly PoolProblem[] {
  const silent = waits.filter(({ words }) => words === undefined);
  const [first] = silent;
  if (!first) return [];
  const fact = `nobody else gets ${listSome(silent.map(namedWait))} before its agent says that it is out of use`;
  const message = `${fact}: ${silent.length === 1 ? '' : 'the first: '}${mendSilence(first)}`;
  return [
    problem(
      'AgentSilent',
      message,
      silent.some(({ unserved }) => unserved),
    ),
  ];
}

/** Agents that say why they cannot take an address off. */
function stuckAgents({ waits }: ProblemWorld): readonly PoolProblem[] {
  const stuck = waits.filter(({ words }) => words !== undefined);
  const [first] = stuck;
  if (!first) return [];
  const which = stuck.length === 1 ? '' : 'the first: ';
  return [problem('ReleaseFailed', `${listSome(stuck.map(namedWait))} cannot be given back yet: ${which}${first.words}`)];
}

function rejections({ rejected }: ProblemWorld): readonly PoolProblem[] {
  const [first] = rejected;
  if (!first) return [];
  const more = rejected.length === 1 ? '' : `; ${rejected.length - 1} more like it`;
  return [problem('WriteRefused', `${first.message}${more}`)];
}

function held(ledger: Ledger): readonly Entry[] {
  return [...ledger.values()].filter(({ releasing }) => !releasing);
}
