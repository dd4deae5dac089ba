import type { NodeFacts } from '../facts.ts';
import { Fib } from '../fib.ts';
import { NOTHING_PLANNED, type NodePlan, type ResourcePlan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { ResourceSnapshot, StaticRoute } from '../resources.ts';
import { olderFirst, settleClaims, yieldToForeign } from './claims.ts';
import { type Draft, draftOf, type Setting } from './draft.ts';
import type { NodeIdentity } from './node.ts';
import { type OverlayPlan, planOverlays } from './overlay.ts';
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
  readonly overlayPools: ResourceSnapshot['overlayPools'];
  readonly nodeOverlayIPs: ResourceSnapshot['nodeOverlayIPs'];
  readonly around: Setting;
  readonly protection: Protection;
  readonly overlay: OverlayPlan;
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
    const { plans, problems, revoked } = landscape.overlay;
    return {
      plan: { resources: [...plans, ...outcomes.map(({ plan }) => plan)], ...(revoked.length > 0 && { revoked }) },
      problems: [...problems, ...outcomes.flatMap((outcome) => outcome.problems)],
    };
  }
}

function landscapeOf(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Landscape {
  const { nodes, clusterNetwork, overlayPools, nodeOverlayIPs } = resources;
  const labels = nodes.find((candidate) => candidate.name === node.name)?.labels;
  const plain = { facts, fib: new Fib(facts.rules, facts.routes), nodeName: node.name, labels };
  const protection = protectionFor(facts, resources, node);
  const overlay = planOverlays(resources, { around: plain, protection, node });
  const around: Setting = { ...plain, overlays: overlay.ways };
  const decided = { drafts: new WeakMap(), outcomes: new WeakMap() };
  return { facts, node, nodes, clusterNetwork, overlayPools, nodeOverlayIPs, around, protection, overlay, ...decided };
}

function isOf(known: Landscape, resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): boolean {
  return (
    known.facts === facts &&
    sameNode(known.node, node) &&
    known.clusterNetwork === resources.clusterNetwork &&
    sameItems(known.nodes, resources.nodes) &&
    sameItems(known.overlayPools, resources.overlayPools) &&
    sameItems(known.nodeOverlayIPs, resources.nodeOverlayIPs)
  );
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** Whether two are the same values. */
export function sameNode(a: NodeIdentity, b: NodeIdentity): boolean {
  const same = a.overdue === b.overdue && a.remembered === b.remembered && a.probed === b.probed && a.unasked === b.unasked;
  return same && a.protect === b.protect && a.name === b.name;
}

function harmlessDrafts(resource: StaticRoute, { around, node, protection, drafts }: Landscape): readonly Draft[] {
  const known = drafts.get(resource);
  if (known) return known;
  const fresh = draftOf(resource, around, node).map((draft) => refuseHarmful(draft, around.fib, protection));
  drafts.set(resource, fresh);
  return fresh;
}

function outcomeOf(settled: Draft, { around, node, outcomes, overlay }: Landscape): Outcome {
  const known = outcomes.get(settled);
  if (known) return known;
  const draft = yieldToForeign(settled, around.fib, overlay.networks);
  const { routes, held, harmful, nextHops, waiting, problems } = draft;
  const sysctls = loosenReversePath(draft, around, node);
  const fresh: Outcome = {
    plan: { ...NOTHING_PLANNED, meta: draft.resource.meta, routes, held, harmful, nextHops, waiting, sysctls },
    problems,
  };
  outcomes.set(settled, fresh);
  return fresh;
}
