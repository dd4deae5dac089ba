import { listSome } from '../core/render.ts';
import type { LabelSelector } from '../core/resources.ts';
import { selects } from '../core/selector.ts';
import type { RouteEntry } from './entry-pool.ts';
import type { NodeStatus, RouteCondition, RouteStatus } from './route-status.ts';
import type { ReportView, RouteView } from './views.ts';

/** One node, as the controller sees it now. */
export interface FleetNode {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly notReady: string | undefined;
  readonly report: ReportView | undefined;
  /** Nothing was heard of its agent for too long. */
  readonly silent: boolean;
  /** It has only just appeared, so its agent may not have had the time to report. */
  readonly joining: boolean;
}

export interface Surroundings {
  /** Where the agents run. */
  readonly namespace: string;
  readonly date: Date;
}

export interface RouteDecision {
  readonly status: RouteStatus;
  /** Whether every selected node has answered, or cannot: nothing better is to be had by waiting. */
  readonly complete: boolean;
}

/** As the schema says. */
const MOST_NODES = 100;
/** Of what the NodeReport says in full: a hundred of them must fit into one object. */
const MESSAGE_LENGTH = 1024;
const FIELD_LENGTH = 256;

/** The status of one StaticRoute. `nodes` are all Nodes, by name. Pure. */
export function decideStaticRoute(route: RouteView, nodes: readonly FleetNode[], around: Surroundings): RouteDecision {
  const { selector } = route;
  if (!selector) return { status: unreadable(route, around.date), complete: true };
  const verdicts = { failed: [] as Verdict[], pending: [] as Verdict[], ready: [] as Verdict[] };
  let ready = 0;
  for (const node of nodes) {
    if (!selects(selector, node.labels)) continue;
    const verdict = judge(node, route, around.namespace);
    if (verdict.state === 'ready') ready++;
    // Of those that are ready no more are needed than can be shown.
    if (verdict.state !== 'ready' || ready <= MOST_NODES) verdicts[verdict.state].push(verdict);
  }
  const failing = [...verdicts.failed, ...verdicts.pending];
  const shown = [...failing, ...verdicts.ready].slice(0, MOST_NODES);
  const status: RouteStatus = {
    observedGeneration: route.generation,
    nodes: { selected: ready + failing.length, ready, failed: failing.length },
    nodeStatus: shown.map(({ status }) => status),
    conditions: conditions(route, outcome(selector, ready, failing), around.date),
  };
  return { status, complete: failing.every(({ awaited }) => !awaited) };
}

interface Verdict {
  readonly state: 'ready' | 'pending' | 'failed';
  /** Whether its answer may come within seconds. */
  readonly awaited: boolean;
  readonly status: NodeStatus;
}

function judge(node: FleetNode, route: RouteView, namespace: string): Verdict {
  const { name, report } = node;
  const pod = (): string => `see its pod: kubectl -n ${namespace} get pods -o wide --field-selector spec.nodeName=${name}`;
  if (node.notReady !== undefined) {
    return silent(name, `node ${name} is not Ready (${node.notReady}), so nobody answers for its routes: kubectl describe node ${name}`);
  }
  if (!report) return silent(name, `the agent on ${name} has never reported: ${pod()}`, node.joining);
  if (node.silent) return silent(name, `the agent on ${name} has reported nothing since ${report.lastSync ?? 'long ago'}: ${pod()}`);
  const entry = report.routes.get(route.name);
  if (!entry || (entry.uid !== undefined && entry.uid !== route.uid)) {
    return pending(name, `the agent on ${name} has not said yet what it makes of this object; if that lasts, ${pod()}`);
  }
  if (isOutdated(entry, route)) {
    const known = entry.generation === undefined ? 'no generation' : `generation ${entry.generation}`;
    return pending(
      name,
      `the agent on ${name} reports ${known}, and generation ${route.generation} is waited for; if that lasts, ${pod()}`,
      entry,
    );
  }
  return answered(name, entry);
}

/** A failure without a generation is believed: it is of an agent that could not even read that. */
function isOutdated({ generation, ready }: RouteEntry, route: RouteView): boolean {
  return generation === undefined ? ready : generation < route.generation;
}

function silent(hostname: string, message: string, awaited = false): Verdict {
  return { state: 'failed', awaited, status: { hostname, ready: false, reason: 'AgentSilent', message } };
}

function pending(hostname: string, message: string, entry?: RouteEntry): Verdict {
  return { state: 'pending', awaited: true, status: { hostname, ...hopOf(entry), ready: false, reason: 'Pending', message } };
}

function answered(hostname: string, entry: RouteEntry): Verdict {
  const { ready, reason, routes } = entry;
  const message = ready ? inPlace(routes) : entry.message.slice(0, MESSAGE_LENGTH);
  return { state: ready ? 'ready' : 'failed', awaited: false, status: { hostname, ...hopOf(entry), ready, reason, message } };
}

function inPlace(routes: number | undefined): string {
  if (routes === undefined) return 'every route is in place';
  return `${routes} ${routes === 1 ? 'route is' : 'routes are'} in place`;
}

function hopOf(entry: RouteEntry | undefined): Pick<NodeStatus, 'gateway' | 'device'> {
  return {
    ...(entry?.gateway !== undefined && { gateway: entry.gateway.slice(0, FIELD_LENGTH) }),
    ...(entry?.device !== undefined && { device: entry.device.slice(0, FIELD_LENGTH) }),
  };
}

interface Outcome {
  readonly ready: boolean;
  /** Whether a node has failed for another reason than that its answer is still to come. */
  readonly degraded: boolean;
  readonly reason: string;
  readonly message: string;
}

function outcome(selector: LabelSelector, ready: number, failing: readonly Verdict[]): Outcome {
  const selected = ready + failing.length;
  if (selected === 0) return { ready: false, degraded: false, reason: 'NoNodesSelected', message: noNodes(selector) };
  if (failing.length === 0) {
    return { ready: true, degraded: false, reason: 'AllNodesReady', message: `every route is in place on ${counted(selected)}` };
  }
  const groups = [...Map.groupBy(failing, ({ status }) => status.reason)].sort(byWeight);
  const words = groups.slice(0, 3).map(([reason, members]) => `${reason} on ${names(members)}: ${members[0]?.status.message ?? ''}`);
  const rest = groups.length > 3 ? `; ${listSome(groups.slice(3).map(([reason, members]) => `${reason} on ${names(members)}`))}` : '';
  const verb = failing.length === 1 ? 'is' : 'are';
  return {
    ready: false,
    degraded: failing.some(({ state }) => state === 'failed'),
    reason: groups[0]?.[0] ?? 'Pending',
    message: `${failing.length} of ${counted(selected)} ${verb} not ready: ${words.join('; ')}${rest}`,
  };
}

/** What concerns most nodes first, what may mend itself within seconds last. */
function byWeight([a, ofA]: [string, readonly Verdict[]], [b, ofB]: [string, readonly Verdict[]]): number {
  if ((a === 'Pending') !== (b === 'Pending')) return a === 'Pending' ? 1 : -1;
  return ofB.length - ofA.length || (a < b ? -1 : 1);
}

function names(verdicts: readonly Verdict[]): string {
  return listSome(verdicts.map(({ status }) => status.hostname));
}

function counted(nodes: number): string {
  return nodes === 1 ? '1 node' : `${nodes} nodes`;
}

function noNodes({ matchLabels, matchExpressions }: LabelSelector): string {
  const demands = [
    ...[...matchLabels].map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) =>
      [key, operator, ...(values.length > 0 ? [`(${values.join(', ')})`] : [])].join(' '),
    ),
  ];
  if (demands.length === 0) return 'the cluster has no nodes';
  const words = listSome(demands, 10);
  return `no node matches spec.nodeSelector (${words}): mend it, or label a node; kubectl get nodes --show-labels lists what there is`;
}

function unreadable(route: RouteView, date: Date): RouteStatus {
  const message = `${route.problem ?? 'the selector cannot be read'}; mend it, or upgrade the controller if it is older than the object`;
  return {
    observedGeneration: route.generation,
    nodes: { selected: 0, ready: 0, failed: 0 },
    nodeStatus: [],
    conditions: conditions(route, { ready: false, degraded: true, reason: 'InvalidSpec', message }, date),
  };
}

function conditions(route: RouteView, { ready, degraded, reason, message }: Outcome, date: Date): readonly RouteCondition[] {
  const healthy = { reason: 'NoFailure', message: 'no node reports a failure' };
  return [
    condition(route, { type: 'Ready', status: ready ? 'True' : 'False', reason, message }, date),
    condition(route, { type: 'Degraded', status: degraded ? 'True' : 'False', ...(degraded ? { reason, message } : healthy) }, date),
  ];
}

function condition(
  { generation, status: { conditions: before } }: RouteView,
  now: Omit<RouteCondition, 'lastTransitionTime' | 'observedGeneration'>,
  date: Date,
): RouteCondition {
  const held = before.find(({ type, status }) => type === now.type && status === now.status);
  return { ...now, lastTransitionTime: held?.lastTransitionTime ?? date.toISOString(), observedGeneration: generation };
}
