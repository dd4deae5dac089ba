import type { Condition, DriftReport, NodeReport, ResourceReport } from '../api/kinds/node-report.ts';
import { REPORT_LIMITS } from '../api/kinds/node-report-status.ts';
import { type Failure, isRouteChange } from '../core/change.ts';
import type { NodeFacts } from '../core/facts.ts';
import type { NodePlan, PlannedAddress, ResourcePlan } from '../core/plan.ts';
import type { Planned } from '../core/planner/node-planner.ts';
import type { Problem } from '../core/problem.ts';
import { formatChange, formatHops, listSome } from '../core/render.ts';
import { addressKey, linkKey, objectKey, routeKey } from '../core/repair.ts';
import { formatRef, type InvalidResource, type Meta, type ResourceSnapshot } from '../core/resources.ts';
import type { NextHop } from '../core/route.ts';
import type { Owners } from './owners.ts';
import { withFittingLists } from './report-size.ts';

/** Of the problems: that not everything fits into the report. */
const ROOM_FOR_OURS = 1;

/** Everything a round found out. */
export interface RoundResult {
  readonly nodeName: string;
  readonly resources: ResourceSnapshot;
  readonly facts: NodeFacts;
  readonly planned: Planned;
  readonly owners: Owners;
  readonly failures: readonly Failure[];
  /** Objects that are repaired less often, because something keeps undoing it. */
  readonly contested: readonly string[];
  readonly drift: readonly DriftReport[];
  readonly date: Date;
}

/** The NodeReport of one round. Pure: the same round and predecessor give the same report. */
export function buildReport(round: RoundResult, previous: NodeReport | undefined): NodeReport {
  const { resources, facts } = round;
  const about = findingsOf(round);
  const verdicts = [...round.planned.plan.resources.map((plan) => verdict(plan, round, about)), ...unplannedInvalid(round)];
  const problems = resources.problems
    .slice(0, REPORT_LIMITS.problems - ROOM_FOR_OURS)
    .map((problem) => ({ ...problem, source: problem.source.slice(-REPORT_LIMITS.text) }));
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'NodeReport',
    metadata: { name: round.nodeName },
    status: {
      ...withFittingLists({ resources: verdicts, problems, drift: round.drift }, round.nodeName),
      facts: reportedFacts(round.planned.plan, facts),
      lastSync: round.date.toISOString(),
      complete: resources.complete,
      ...(resources.asOf === undefined ? {} : { resourcesAsOf: resources.asOf }),
      ...(resources.incompleteReason === undefined ? {} : { incompleteReason: resources.incompleteReason }),
      conditions: conditions(round, verdicts, previous),
    },
  };
}

/** What was found out, by what it is about: there may be thousands of resources and 100,000 routes. */
interface Findings {
  readonly invalid: ReadonlyMap<string, readonly InvalidResource[]>;
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  readonly contested: ReadonlySet<string>;
}

function findingsOf({ resources, planned, contested }: RoundResult): Findings {
  return {
    invalid: Map.groupBy(resources.invalid, (entry) => formatRef(entry.meta.ref)),
    problems: Map.groupBy(planned.problems, (problem) => formatRef(problem.subject)),
    contested: new Set(contested),
  };
}

function verdict(plan: ResourcePlan, round: RoundResult, about: Findings): ResourceReport {
  const { ref } = plan.meta;
  // What is said is about the newest version, also when an older one is in force because that is not valid.
  const newest = about.invalid.get(formatRef(ref))?.[0]?.meta ?? plan.meta;
  const problems = problemsOf(plan, round, about);
  const hops = [...plan.nextHops.values()];
  const gateways = hops.flatMap((hop) => (hop.gateway ? [hop.gateway.text] : []));
  const devices = new Set(hops.flatMap((hop) => (hop.device ? [hop.device.name] : [])));
  return {
    ...identityOf(newest),
    ready: problems.length === 0,
    reason: problems[0]?.code ?? 'Ready',
    message: problems.length > 0 ? problems.map((problem) => problem.message).join('; ') : readyMessage(plan, hops),
    ...(gateways.length > 0 ? { gateway: gateways.join(', ') } : {}),
    ...(devices.size > 0 ? { device: [...devices].join(', ') } : {}),
    routes: plan.routes.length,
  };
}

/** Which object, and which version of it. */
function identityOf({ ref, uid, generation }: Meta): Pick<ResourceReport, 'kind' | 'namespace' | 'name' | 'uid' | 'observedGeneration'> {
  return { ...ref, ...(uid === undefined ? {} : { uid }), ...(generation === undefined ? {} : { observedGeneration: generation }) };
}

function readyMessage(plan: ResourcePlan, hops: readonly NextHop[]): string {
  if (plan.addresses.length > 0) return plan.addresses.map(formatPlace).join(', ');
  const count = `${plan.routes.length} ${plan.routes.length === 1 ? 'route' : 'routes'}`;
  return hops.length > 0 ? `${count} ${hops.map((hop) => formatHops([hop])).join(' and ')}` : `${count}, unreachable`;
}

/** `192.168.100.4/24 on tmp0` */
function formatPlace({ address, prefixLength, device }: PlannedAddress): string {
  return `${address}/${prefixLength} on ${device.name}`;
}

function problemsOf(plan: ResourcePlan, round: RoundResult, about: Findings): Problem[] {
  const { ref: subject } = plan.meta;
  const name = formatRef(subject);
  const invalid = (about.invalid.get(name) ?? []).map((entry) => invalidSpec(entry));
  const planned = about.problems.get(name) ?? [];
  const refused = round.failures.filter((failure) => belongs(failure, plan, round));
  const contested = contestedOf(plan, about.contested);
  // What is pending explains nothing when the kernel refuses it.
  const [pending, wrong] = [planned.filter(isPending), planned.filter((problem) => !isPending(problem))];
  return [
    ...invalid,
    ...wrong,
    ...(refused.length > 0 ? [{ code: 'KernelRefused' as const, subject, message: refusal(refused, round.nodeName) }] : []),
    ...(contested.length > 0 ? [{ code: 'Contested' as const, subject, message: contest(contested, round.nodeName) }] : []),
    ...pending,
  ];
}

function isPending({ code }: Problem): boolean {
  return code === 'OverlayPending';
}

function invalidSpec(entry: InvalidResource): Problem {
  const rest = entry.lastGoodInForce ? '; the last good version stays in force' : '';
  const where = entry.meta.source === undefined ? '' : `${entry.meta.source}: `;
  return { code: 'InvalidSpec', subject: entry.meta.ref, message: `${where}${entry.message}${rest}` };
}

function belongs(failure: Failure, plan: ResourcePlan, round: RoundResult): boolean {
  const { change } = failure;
  if (change.op === 'set-sysctl') return plan.sysctls.some((sysctl) => sysctl.device.index === change.device.index);
  if (isRouteChange(change)) return round.owners.of(change.route) === plan.meta.ref;
  const key = objectKey(change);
  return plan.links.some(({ name }) => linkKey(name) === key) || plan.addresses.some((address) => addressKey(address) === key);
}

/** Failures that no resource speaks for: it is gone, and what it asked for is not. */
function leftOver(round: RoundResult): readonly Failure[] {
  const { resources } = round.planned.plan;
  return round.failures.filter((failure) => !resources.some((plan) => belongs(failure, plan, round)));
}

function refusal(failures: readonly Failure[], nodeName: string): string {
  const words = listSome(
    failures.map(({ change, code, message }) => `"${formatChange(change)}": ${message} (${code})`),
    2,
  );
  return `the kernel of node ${nodeName} refused ${words}; it is tried again`;
}

/** The routes and sysctls of the plan that are repaired less often. */
function contestedOf({ routes, sysctls, links, addresses }: ResourcePlan, contested: ReadonlySet<string>): string[] {
  if (contested.size === 0) return [];
  const keys = [
    ...links.map(({ name }) => linkKey(name)),
    ...addresses.map(addressKey),
    ...routes.map(({ prefix, spec }) => routeKey(prefix, spec.table, spec.metric)),
    ...sysctls.map((sysctl) => objectKey({ op: 'set-sysctl', ...sysctl, previous: sysctl.value, restores: false })),
  ];
  return keys.filter((key) => contested.has(key));
}

function contest(keys: readonly string[], nodeName: string): string {
  return `something on node ${nodeName} keeps undoing ${listSome(keys)}: find it with the drift entries of this report; repairs slow down to one a minute`;
}

/** Objects that are invalid and have no good version either: nobody planned them, but somebody wrote them. */
function unplannedInvalid(round: RoundResult): ResourceReport[] {
  const planned = new Set(round.planned.plan.resources.map((plan) => formatRef(plan.meta.ref)));
  return round.resources.invalid
    .filter((entry) => !entry.lastGoodInForce && !planned.has(formatRef(entry.meta.ref)))
    .map((entry) => ({ ...identityOf(entry.meta), ready: false, reason: 'InvalidSpec', message: invalidSpec(entry).message, routes: 0 }));
}

function reportedFacts(plan: NodePlan, facts: NodeFacts): NodeReport['status']['facts'] {
  const hops = plan.resources.flatMap((resource) => [...resource.nextHops]);
  const loosened = plan.resources.flatMap(({ sysctls }) => sysctls.map(({ device }) => device.index));
  const used = new Set([...hops.map(([, hop]) => hop.device?.index), ...loosened]);
  const gateways = new Map(
    hops.flatMap(([family, { gateway, device }]) => (gateway ? [[`${gateway} ${device?.name}`, { family, gateway, device }]] : [])),
  );
  const links = facts.links.filter((link) => used.has(link.index)).slice(0, REPORT_LIMITS.links);
  const shown = [...gateways.values()].slice(0, REPORT_LIMITS.gateways);
  return {
    kernel: facts.kernelRelease,
    rpFilterAll: facts.rpFilterAll,
    links: links.map(({ name, up, mtu, rpFilter }) => ({ name, up, mtu, rpFilter })),
    gateways: shown.map(({ family, gateway, device }) => ({ family, address: gateway.text, device: device?.name ?? '' })),
  };
}

function conditions(round: RoundResult, verdicts: readonly ResourceReport[], previous: NodeReport | undefined): Condition[] {
  const failing = verdicts.filter((resource) => !resource.ready);
  const unreadable = round.resources.problems.length;
  const names = listSome(
    failing.map((resource) => `${formatRef(resource)} (${resource.reason})`),
    5,
  );
  const left = leftOver(round);
  const wrong = [
    failing.length > 0 && `not ready: ${names}`,
    unreadable > 0 && `${unreadable} source problems`,
    left.length > 0 && `no resource asks for it, but it could not be taken away: ${refusal(left, round.nodeName)}`,
  ]
    .filter(Boolean)
    .join('; ');
  const fresh = [
    {
      type: 'Ready',
      status: wrong ? 'False' : 'True',
      reason: wrong ? 'ResourcesNotReady' : 'AllReady',
      message: wrong || (verdicts.length === 1 ? '1 resource is ready' : `${verdicts.length} resources are ready`),
    },
    {
      type: 'Degraded',
      status: round.resources.complete ? 'False' : 'True',
      reason: round.resources.complete ? 'SourceComplete' : 'SourceIncomplete',
      message: round.resources.complete
        ? 'every source has delivered'
        : `nothing is removed: ${round.resources.incompleteReason ?? 'a source is incomplete'}`,
    },
  ] as const;
  return fresh.map((condition) => {
    const before = previous?.status.conditions.find((old) => old.type === condition.type && old.status === condition.status);
    return { ...condition, lastTransitionTime: before?.lastTransitionTime ?? round.date.toISOString() };
  });
}
