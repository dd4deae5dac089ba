import type { NodePlan } from '../core/plan.ts';
import type { ResourceRef } from '../core/resources.ts';
import type { Route } from '../core/route.ts';

/** Which resource a route of the plan belongs to. Built on the first question, since most rounds ask none. */
export class Owners {
  readonly #plan: NodePlan;
  #byRoute: Map<string, ResourceRef> | undefined;

  constructor(plan: NodePlan) {
    this.#plan = plan;
  }

  of(route: Route): ResourceRef | undefined {
    this.#byRoute ??= index(this.#plan);
    return this.#byRoute.get(keyOf(route));
  }
}

function index(plan: NodePlan): Map<string, ResourceRef> {
  const byRoute = new Map<string, ResourceRef>();
  for (const { meta, routes } of plan.resources) for (const route of routes) byRoute.set(keyOf(route), meta.ref);
  return byRoute;
}

function keyOf(route: Route): string {
  return `${route.prefix} ${route.spec.metric}`;
}
