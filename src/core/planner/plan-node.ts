import type { NodeFacts } from '../facts.ts';
import { Fib } from '../fib.ts';
import type { NodePlan, ResourcePlan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { ResourceSnapshot } from '../resources.ts';
import { olderFirst, settleClaims, yieldToForeign } from './claims.ts';
import { type Draft, draftOf } from './draft.ts';
import type { Surroundings } from './next-hop.ts';
import type { NodeIdentity } from './node.ts';
import { protectionFor } from './protection.ts';
import { refuseHarmful } from './refuse.ts';
import { loosenReversePath } from './reverse-path.ts';

export interface Planned {
  readonly plan: NodePlan;
  readonly problems: readonly Problem[];
}

/**
 * Decides everything that should be true on one node, from everything that is known; touches nothing.
 * The order of the steps matters: a resource that is refused claims nothing, and a claim that is lost hides no foreign route.
 */
export function planNode(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Planned {
  const fib = new Fib(facts.rules, facts.routes);
  const labels = resources.nodes.find((candidate) => candidate.name === node.name)?.labels;
  const around: Surroundings = { facts, fib, nodeName: node.name, labels };
  const protection = protectionFor(facts, resources, node);

  const drafts = [...resources.staticRoutes].sort(olderFirst).flatMap((resource) => draftOf(resource, around, node));
  const harmless = drafts.map((draft) => refuseHarmful(draft, fib, protection));
  const settled = settleClaims(harmless).map((draft) => yieldToForeign(draft, fib));
  return {
    plan: { resources: settled.map((draft) => resourcePlan(draft, around, node)) },
    problems: settled.flatMap((draft) => draft.problems),
  };
}

function resourcePlan(draft: Draft, around: Surroundings, node: NodeIdentity): ResourcePlan {
  const { routes, held, harmful, nextHops, waiting } = draft;
  return { meta: draft.resource.meta, routes, held, harmful, nextHops, waiting, sysctls: loosenReversePath(draft, around, node) };
}
