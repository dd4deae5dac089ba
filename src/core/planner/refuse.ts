import type { Fib } from '../fib.ts';
import { hullsOf } from '../ip/hull.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import type { Route } from '../route.ts';
import { type Draft, hold } from './draft.ts';
import { forbids, type Protection, swallowsGateway } from './protection.ts';

/**
 * Refuses a whole resource when one of its routes would cut something off. The routes at fault go; the others stay as they are
 * in the kernel, so a bad edit neither takes effect nor breaks what worked.
 */
export function refuseHarmful(draft: Draft, fib: Fib, protection: Protection): Draft {
  if (!hullsOf(draft.routes).some((hull) => concerns(hull, draft, protection))) return draft;
  const faults: RouteFault[] = [];
  for (const route of draft.routes) {
    const fault = faultOf(route, draft, fib, protection);
    if (fault) faults.push(fault);
  }
  const [first] = faults;
  if (!first) return draft;
  const bad = new Set(faults.map((fault) => fault.route));
  const rest = draft.routes.filter((route) => !bad.has(route));
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more of its subnets would do the like)` : '';
  const problem: Problem = { code: first.code, subject: draft.resource.meta.ref, message: `${first.message}${more}: ${first.fix}` };
  return {
    ...draft,
    refused: true,
    routes: [],
    harmful: [...bad],
    held: [...draft.held, ...rest.map((route) => hold(draft.resource, route.prefix))],
    problems: [...draft.problems, problem],
  };
}

/** Whether anything that could be harmed lies within a range. */
function concerns(hull: Prefix, { nextHops }: Draft, protection: Protection): boolean {
  return protection.set.overlaps(hull) || [...nextHops.values()].some(({ gateway }) => gateway !== undefined && hull.has(gateway));
}

interface RouteFault {
  readonly route: Route;
  readonly code: ProblemCode;
  readonly message: string;
  readonly fix: string;
}

function faultOf(route: Route, draft: Draft, fib: Fib, protection: Protection): RouteFault | undefined {
  const gateway = swallowsGateway(fib, route);
  if (gateway) {
    const message = `${route.prefix} would become the path to its own gateway ${gateway}`;
    return { route, code: 'GatewayLoop', message, fix: 'remove that subnet, or use another gateway; nothing of the resource is applied' };
  }
  const message = forbids(protection, fib, route);
  const own = draft.resource.meta.ref.name;
  return message === undefined
    ? undefined
    : { route, code: 'ProtectedPath', message, fix: `remove that subnet from ${own}; nothing of the resource is applied` };
}
