import type { Change, RememberedSysctl, SetSysctl } from './change.ts';
import { diffDevices } from './diff-devices.ts';
import { type NodeFacts, sysctlOf } from './facts.ts';
import type { NodePlan, PlannedSysctl } from './plan.ts';
import { type Route, RouteIndex, sameSpec } from './route.ts';

/** What of ours is on the node: marked routes, and the sysctls that we remember (they carry no mark). */
export interface OwnedState {
  readonly routes: RouteIndex;
  readonly sysctls: readonly RememberedSysctl[];
}

/**
 * The changes that turn what we own into the plan, in safe order: sysctls, devices and addresses are there before routes need them, routes
 * are added and replaced before others are removed, addresses and devices go after the routes that use them, and sysctls are restored last.
 * Equal states give no change.
 */
export function diff(owned: OwnedState, plan: NodePlan, facts: NodeFacts): Change[] {
  const { made, gone } = diffDevices(plan, facts);
  const sysctls = diffSysctls(owned.sysctls, plan, facts);
  const loosened: Change[] = sysctls.filter((change) => !change.restores);
  return loosened.concat(
    made,
    diffRoutes(owned, plan),
    gone,
    sysctls.filter((change) => change.restores),
  );
}

function diffRoutes(owned: OwnedState, plan: NodePlan): Change[] {
  const added: Change[] = [];
  const replaced: Change[] = [];
  const nothing = owned.routes.size === 0;
  let kept = 0;
  for (const { routes, held } of plan.resources) {
    for (const route of routes) {
      const previous = nothing ? undefined : owned.routes.like(route);
      if (!previous) added.push({ op: 'add-route', route });
      else {
        kept++;
        if (!sameSpec(previous.spec, route.spec)) replaced.push({ op: 'replace-route', route, previous });
      }
    }
    for (const { prefix, table, metric } of held) if (owned.routes.get(prefix, table, metric)) kept++;
  }
  const removed = kept === owned.routes.size ? [] : removals(surplus(owned.routes, plan), plan);
  return added.concat(replaced, removed);
}

/** Routes of ours that nothing plans or holds. Identities are unique in a plan, so counting tells whether there are any. */
function surplus(owned: RouteIndex, plan: NodePlan): Route[] {
  const wanted = new RouteIndex();
  for (const { routes, held } of plan.resources) {
    for (const route of routes) wanted.set(route);
    for (const { prefix, table, metric } of held) {
      const route = owned.get(prefix, table, metric);
      if (route) wanted.set(route);
    }
  }
  return [...owned.values()].filter((route) => !wanted.like(route));
}

/** A route that is the very one that the plan refuses does harm; another of that identity is only unwanted. */
function removals(routes: readonly Route[], plan: NodePlan): Change[] {
  const refused = RouteIndex.of(plan.resources.flatMap(({ harmful }) => harmful));
  return routes.map((route) => {
    const like = refused.like(route);
    return { op: 'remove-route', route, ...(like && sameSpec(like.spec, route.spec) ? { harmful: true } : {}) };
  });
}

function diffSysctls(remembered: readonly RememberedSysctl[], plan: NodePlan, facts: NodeFacts): SetSysctl[] {
  const wanted = plannedSysctls(plan);
  const set = wanted.flatMap((sysctl): SetSysctl[] => {
    const link = facts.links.find(({ index }) => index === sysctl.device.index);
    const previous = link && sysctlOf(link, sysctl.name);
    return previous === undefined || previous === sysctl.value ? [] : [{ op: 'set-sysctl', ...sysctl, previous, restores: false }];
  });
  const restored = remembered.flatMap((entry): SetSysctl[] => {
    const link = facts.links.find((candidate) => candidate.index === entry.device.index);
    if (!link || wanted.some((sysctl) => isAbout(entry, sysctl)) || sysctlOf(link, entry.name) !== entry.value) return [];
    const device = { index: link.index, name: link.name };
    return [{ op: 'set-sysctl', device, name: entry.name, value: entry.previous, previous: entry.value, restores: true }];
  });
  return [...set, ...restored];
}

/** The wanted sysctls, each once, however many resources want it. */
export function plannedSysctls(plan: NodePlan): PlannedSysctl[] {
  const byKey = new Map<string, PlannedSysctl>();
  for (const sysctl of plan.resources.flatMap((resource) => resource.sysctls)) byKey.set(`${sysctl.device.index} ${sysctl.name}`, sysctl);
  return [...byKey.values()];
}

/** What must be remembered before changes are applied: the present values, and the older ones that are still ours. */
export function remember(remembered: readonly RememberedSysctl[], changes: readonly Change[]): RememberedSysctl[] {
  const fresh = changes.flatMap((change): RememberedSysctl[] =>
    change.op === 'set-sysctl' && !change.restores
      ? [{ device: change.device, name: change.name, previous: change.previous, value: change.value }]
      : [],
  );
  return [...remembered.filter((entry) => !fresh.some((other) => isAbout(entry, other))), ...fresh];
}

/** What is still worth remembering once nothing is left to change: only what the plan keeps set. */
export function forget(remembered: readonly RememberedSysctl[], plan: NodePlan): RememberedSysctl[] {
  const wanted = plannedSysctls(plan);
  return remembered.filter((entry) => wanted.some((sysctl) => isAbout(entry, sysctl)));
}

function isAbout(entry: RememberedSysctl, { device, name }: Pick<PlannedSysctl, 'device' | 'name'>): boolean {
  return entry.device.index === device.index && entry.name === name;
}
