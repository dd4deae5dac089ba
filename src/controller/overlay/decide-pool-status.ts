import { countRanges } from '../../ipam/count.ts';
import type { Range } from '../../ipam/provider.ts';
import type { Fields } from '../wire.ts';
import { condition, type OverlayCondition, type Said } from './conditions.ts';
import type { Supply } from './decide-supply.ts';
import type { Ledger } from './ledger.ts';
import { knownPoolStatus, type PoolView } from './pool-view.ts';
import type { OverlayReason, PoolProblem, Verdict } from './reasons.ts';

/** `status` of an OverlayPool, but for its ledger. */
export interface PoolStatus {
  readonly observedGeneration: number;
  readonly waiting: readonly Verdict[];
  readonly conditions: readonly (OverlayCondition | Fields)[];
  /** `capacity`, `allocated`, `free`, `ranges`. */
  readonly [count: string]: unknown;
}

export interface PoolFindings {
  readonly pool: PoolView;
  /** As it is to be written. */
  readonly ledger: Ledger;
  readonly supply: Supply | undefined;
  /** As in `LedgerDecision`. */
  readonly kept: ReadonlySet<string>;
  /** Those that concern the pool, the longest-waiting node first. */
  readonly waiting: readonly Verdict[];
  /** The weightiest first. */
  readonly problems: readonly PoolProblem[];
  /** Nodes that it selects, and those of them that are granted their addresses. */
  readonly selected: number;
  readonly served: number;
  /** Whether nodes that are not served yet have been so for longer than that takes. */
  readonly late: boolean;
  readonly date: Date;
}

/** As the schema says. */
const MOST_WAITING = 100;

/** What the status of a pool should say. Pure. */
export function decidePoolStatus(findings: PoolFindings): PoolStatus {
  const { pool, waiting, date } = findings;
  const ready = condition(readyOf(findings), pool.told.ready, date);
  const degraded = condition(degradedOf(findings), pool.told.degraded, date);
  return {
    observedGeneration: pool.generation,
    ...countsOf(findings),
    waiting: waiting.slice(0, MOST_WAITING).map(({ node, reason, message }) => ({ node, reason, message })),
    conditions: [ready, degraded, ...pool.told.foreign],
  };
}

/** Whether a status says something else than what is written, the ledger apart. */
export function poolStatusDiffers(status: PoolStatus, { told }: PoolView): boolean {
  const next = knownPoolStatus(status);
  return (
    next.fingerprint !== told.fingerprint ||
    conditionText(next.ready) !== conditionText(told.ready) ||
    conditionText(next.degraded) !== conditionText(told.degraded)
  );
}

function conditionText(said: OverlayCondition | undefined): string {
  return JSON.stringify([said?.status, said?.reason, said?.message, said?.observedGeneration]);
}

/** While nobody knows the ranges, what was counted last is the best that there is. */
function countsOf({ pool, ledger, supply, kept }: PoolFindings): Fields {
  const allocated = new Set([...ledger.values()].map(({ node }) => node)).size;
  if (!supply) return { ...pool.told.counts, allocated };
  const open = new Set(supply.open);
  const ranges = supply.all.map((range) => (open.has(range) ? range : { ...range, closed: true }));
  const counts = countRanges(ranges, new Set(ledger.keys()), kept);
  const counted = ranges.map((range, i) => ({
    range,
    capacity: counts[i]?.capacity ?? 0,
    allocated: counts[i]?.allocated ?? 0,
    free: counts[i]?.free ?? 0,
  }));
  const zones = [...Map.groupBy(counted, ({ range }) => range.zone).values()];
  return {
    capacity: capped(zones.map((members) => scarcest(members, 'capacity'))),
    allocated,
    free: capped(zones.map((members) => scarcest(members, 'free'))),
    ranges: counted.map(({ range: { zone, subnet, gateway }, allocated: inUse, free }) => ({
      ...(zone !== undefined && { zone }),
      subnet: subnet.text,
      gateway: gateway.text,
      allocated: inUse,
      free,
    })),
  };
}

interface Counted {
  readonly range: Range;
  readonly capacity: number;
  readonly free: number;
}

/** A node takes an address of each family. */
function scarcest(members: readonly Counted[], what: 'capacity' | 'free'): number {
  const families = [...Map.groupBy(members, ({ range }) => range.subnet.family).values()];
  return Math.min(...families.map((family) => capped(family.map((member) => member[what]))));
}

function capped(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => Math.min(sum + number, Number.MAX_SAFE_INTEGER), 0);
}

function readyOf(findings: PoolFindings): Said {
  const { pool, problems, selected, served, late, ledger } = findings;
  const said = (status: 'True' | 'False', reason: OverlayReason, message: string): Said => ({
    type: 'Ready',
    status,
    reason,
    message,
    observedGeneration: pool.generation,
  });
  const blocking = problems.filter(({ blocks }) => blocks);
  const [first] = blocking;
  if (pool.deleting)
    return said('False', 'Releasing', `${count(ledger.size, 'address is', 'addresses are')} still to be given back${because(problems)}`);
  if (first) return said('False', first.reason, words(blocking));
  if (selected === 0) return said('False', 'NoNodesSelected', 'no Node matches spec.nodeSelector: mend it, or label a node');
  if (served < selected && (late || pool.told.ready?.status !== 'True')) {
    return said('False', 'Pending', 'nodes are being given their addresses');
  }
  const rest = served < selected ? ', or is getting it' : '';
  return said('True', 'AllNodesServed', `every selected node has its address${rest}`);
}

function because(problems: readonly PoolProblem[]): string {
  return problems.length === 0 ? '' : `: ${words(problems)}`;
}

function degradedOf({ pool, problems }: PoolFindings): Said {
  const [first] = problems;
  const said = first
    ? { status: 'True' as const, reason: first.reason, message: words(problems) }
    : { status: 'False' as const, reason: 'NoProblem', message: 'nothing is wrong' };
  return { type: 'Degraded', ...said, observedGeneration: pool.generation };
}

/** What a node waits for may be told as a problem of its own as well. */
function words(problems: readonly PoolProblem[]): string {
  const news = problems.filter(({ message }, i) => !problems.slice(0, i).some((before) => before.message.includes(message)));
  return news.map(({ message }) => message).join('; ');
}

function count(number: number, one: string, many: string): string {
  return number === 1 ? `1 ${one}` : `${number} ${many}`;
}
