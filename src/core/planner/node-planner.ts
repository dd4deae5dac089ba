import type { NodeFacts } from '../facts.ts';
import { Fib } from '../fib.ts';
import { NOTHING_PLANNED, type NodePlan, type ResourcePlan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { ResourceSnapshot, StaticRoute } from '../resources.ts';
import { olderFirst, settleClaims, yieldToForeign } from './claims.ts';
import { type Draft, draftOf } from './draft.ts';
import type { Surroundings } from './next-hop.ts';
import type { NodeIdentity } from './node.ts';
import { type Protection, protectionFor } from './protection.ts';
import { refuseHarmful } from './refuse.ts';
import { loosenReversePath } from './reverse-path.ts';

export interface Planned {
  readonly plan: NodePlan;
  readonly problems: readonly Problem[];
}

/** All that decides about a StaticRoute besides the other ones, and what was decided in it. */
interface Landscape {
  readonly facts: NodeFacts;
  readonly node: NodeIdentity;
  readonly nodes: ResourceSnapshot['nodes'];
  readonly clusterNetwork: ResourceSnapshot['clusterNetwork'];
  readonly around: Surroundings;
  readonly protection: Protection;
  readonly drafts: WeakMap<StaticRoute, readonly Draft[]>;
  readonly outcomes: WeakMap<Draft, Outcome>;
}

interface Outcome {
  readonly plan: ResourcePlan;
  readonly problems: readonly Problem[];
}

/**
 * Plans one node again and again. What it answers depends on its arguments alone; what it has decided about a resource it need not decide
 * anew while that, the facts and the node are the same values: among hundreds of resources one that changes is planned in no time.
 */
export class NodePlanner {
  #landscape: Landscape | undefined;

  /** The order of the steps matters: a resource that is refused claims nothing, and a claim that is lost hides no foreign route. */
  plan(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Planned {
    if (!this.#landscape || !isOf(this.#landscape, resources, facts, node)) this.#landscape = landscapeOf(resources, facts, node);
    const landscape = this.#landscape;
    const harmless = [...resources.staticRoutes].sort(olderFirst).flatMap((resource) => harmlessDrafts(resource, landscape));
    const outcomes = settleClaims(harmless).map((draft) => outcomeOf(draft, landscape));
    return { plan: { resources: outcomes.map(({ plan }) => plan) }, problems: outcomes.flatMap(({ problems }) => problems) };
  }
}

function landscapeOf(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Landscape {
  const labels = resources.nodes.find((candidate) => candidate.name === node.name)?.labels;
  const around: Surroundings = { facts, fib: new Fib(facts.rules, facts.routes), nodeName: node.name, labels };
  const { nodes, clusterNetwork } = resources;
  const protection = protectionFor(facts, resources, node);
  return { facts, node, nodes, clusterNetwork, around, protection, drafts: new WeakMap(), outcomes: new WeakMap() };
}

function isOf(
  { facts, node, nodes, clusterNetwork }: Landscape,
  resources: ResourceSnapshot,
  newFacts: NodeFacts,
  newNode: NodeIdentity,
): boolean {
  return (
    facts === newFacts &&
    sameNode(node, newNode) &&
    clusterNetwork === resources.clusterNetwork &&
    nodes.length === resources.nodes.length &&
    nodes.every((other, i) => other === resources.nodes[i])
  );
}

/** Whether two are the same values. */
export function sameNode(a: NodeIdentity, b: NodeIdentity): boolean {
  return a.overdue === b.overdue && a.remembered === b.remembered && a.probed === b.probed && a.protect === b.protect && a.name === b.name;
}

function harmlessDrafts(resource: StaticRoute, { around, node, protection, drafts }: Landscape): readonly Draft[] {
  const known = drafts.get(resource);
  if (known) return known;
  const fresh = draftOf(resource, around, node).map((draft) => refuseHarmful(draft, around.fib, protection));
  drafts.set(resource, fresh);
  return fresh;
}

function outcomeOf(settled: Draft, { around, node, outcomes }: Landscape): Outcome {
  const known = outcomes.get(settled);
  if (known) return known;
  const draft = yieldToForeign(settled, around.fib);
  const { routes, held, harmful, nextHops, waiting, problems } = draft;
  const sysctls = loosenReversePath(draft, around, node);
  const fresh: Outcome = {
    plan: { ...NOTHING_PLANNED, meta: draft.resource.meta, routes, held, harmful, nextHops, waiting, sysctls },
    problems,
  };
  outcomes.set(settled, fresh);
  return fresh;
}
