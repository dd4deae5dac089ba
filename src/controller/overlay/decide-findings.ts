import type { NodeView } from '../views.ts';
import { type LedgerDecision, selectedBy } from './decide-ledger.ts';
import type { PoolFindings } from './decide-pool-status.ts';
import { decideProblems, type ProblemWorld } from './decide-problems.ts';
import type { Supply } from './decide-supply.ts';
import type { OverlayIPView } from './ip-view.ts';
import type { PoolView } from './pool-view.ts';
import type { Verdict } from './reasons.ts';

/** What there is to be said about a pool, before it is put in words. */
export interface FindingsWorld extends Pick<ProblemWorld, 'elsewhere' | 'ipam' | 'outOfSight' | 'waits' | 'failing'> {
  readonly pool: PoolView;
  readonly objects: ReadonlyMap<string, OverlayIPView>;
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly supply: Supply | undefined;
  readonly decision: LedgerDecision;
  /** By node: in whose words the API server refuses what is written about it. */
  readonly rejections: ReadonlyMap<string, string>;
  /** Whether it has been so for long that some node has no address. */
  readonly isLate: (unserved: boolean) => boolean;
  readonly date: Date;
}

/** What no pool has to complain about: it mends itself, or is asked of it by mistake. */
const PASSING: readonly Verdict['reason'][] = ['Pending', 'Releasing', 'NotSelected'];

/** What is to be said about a pool. Pure, but for the time that `isLate` keeps. */
export function decideFindings(world: FindingsWorld): PoolFindings {
  const { pool, objects, nodes, supply, decision, rejections, date } = world;
  const { ledger, kept, verdicts } = decision;
  const isServed = (node: string): boolean => objects.get(node)?.granted === true && objects.get(node)?.deleting === false;
  const selected = [...nodes.values()].filter(selectedBy(pool));
  const served = selected.filter(({ name }) => isServed(name)).length;
  // In an order on which two controllers agree.
  const refused = [...rejections]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([node, message]): Verdict => ({ node, reason: 'WriteRefused', message }));
  const unserved = new Set(selected.filter(({ name }) => !isServed(name) && !verdicts.has(name)).map(({ name }) => name));
  const waiting = [
    ...[...verdicts.values()].filter(({ reason }) => !PASSING.includes(reason)),
    ...refused.filter(({ node }) => unserved.has(node)),
    ...outOfReach(world, unserved).filter(({ node }) => !rejections.has(node)),
  ];
  const problems = decideProblems({
    ...world,
    ledger,
    waiting,
    doubles: decision.doubles,
    rejected: refused.filter(({ node }) => !unserved.has(node)),
  });
  const late = world.isLate(served < selected.length);
  return { pool, ledger, supply, kept, waiting, problems, selected: selected.length, served, late, date };
}

/** Nodes whose addresses are in the ledger: before they are granted, they are claimed at the provider. */
function outOfReach({ ipam }: FindingsWorld, unserved: ReadonlySet<string>): readonly Verdict[] {
  const trouble = ipam.look ?? ipam.claim;
  return trouble ? [...unserved].map((node) => ({ node, reason: trouble.reason, message: trouble.message })) : [];
}
