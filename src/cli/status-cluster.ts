import { type NodeReport, nodeReportKind, parseNodeReport } from '../api/kinds/node-report.ts';
import { MANIFEST_KINDS } from '../api/kinds.ts';
import { type ApiClient, ApiError, type ApiObject } from '../cluster/api-client.ts';
import { NODES, typeOf } from '../cluster/resource-types.ts';
import { listSome } from '../core/render.ts';
import { FLAGS } from '../runtime/config.ts';
import { askingTheCluster, listAll, withRights } from './cluster-objects.ts';
import { type Cluster, type Context, EXIT, type Terminal } from './command.ts';
import { printData } from './output.ts';
import { isStale } from './staleness.ts';
import { ago, columns, paint } from './text.ts';

/** An agent has none of them, so `status` in its pod needs somebody else's. */
const RIGHTS = `the right to list nodereports, ${MANIFEST_KINDS.map(({ definition }) => definition.plural).join(', ')}, or give the kubeconfig of somebody who has it`;
/** So many things that are wrong with a node are named, the rest counted. */
const NAMED = 3;

/** One line of the fleet. */
interface NodeLine {
  readonly node: string;
  /** `3/4` ready; absent without a report. */
  readonly resources?: string;
  readonly drift?: number;
  readonly lastChange?: string;
  readonly lastSync?: string;
  readonly wrong: readonly string[];
}

/** One resource, as its status says. */
interface ResourceLine {
  readonly kind: string;
  readonly name: string;
  readonly ready: string;
  readonly nodes: string;
  readonly message: string;
  /** Whether nothing is wrong: a pool that serves every node, and an address that is granted, may have their troubles. */
  readonly fine: boolean;
}

/** Conditions besides Ready, and what they say when all is well. */
const OTHERS: Readonly<Record<string, string>> = { Degraded: 'False', DeviceReady: 'True' };

/** `fairlead status` of a cluster: the fleet, a node a line, and every resource. Exits with 2 when something is not as it should be. */
export async function clusterStatus({ line, terminal }: Context, { client }: Cluster): Promise<number> {
  const { nodes, resources } = await askingTheCluster(client, () => withRights(RIGHTS, () => gather(client)));
  const format = line.text(FLAGS.output);
  if (format === 'json' || format === 'yaml') await printData(terminal, format, { nodes, resources });
  else print(terminal, nodes, resources);
  const fine = nodes.every(({ wrong }) => wrong.length === 0) && resources.every(({ fine: well }) => well);
  return fine ? EXIT.ok : EXIT.found;
}

async function gather(client: ApiClient): Promise<{ readonly nodes: readonly NodeLine[]; readonly resources: readonly ResourceLine[] }> {
  const reports = await listAll(client, typeOf(nodeReportKind));
  const names = new Set([...reports, ...(await listNodes(client))].map(({ metadata }) => metadata.name));
  const byName = new Map(reports.map((report) => [report.metadata.name, report]));
  const nodes = [...names].toSorted().map((name) => nodeLine(name, byName.get(name)));
  const resources: ResourceLine[] = [];
  for (const { definition } of MANIFEST_KINDS) resources.push(...(await listAll(client, typeOf(definition))).map(resourceLine));
  return { nodes, resources };
}

/** Who may not see Nodes still sees those that report. */
async function listNodes(client: ApiClient): Promise<readonly ApiObject[]> {
  return listAll(client, NODES).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  });
}

function nodeLine(node: string, object: ApiObject | undefined): NodeLine {
  if (object?.['status'] === undefined) return { node, wrong: ['no agent has reported'] };
  const parsed = parseNodeReport(object);
  if (!parsed.ok) return { node, wrong: ['its report cannot be read: is this command older than the agent?'] };
  const { status } = parsed.value;
  return {
    node,
    resources: status.summary.ready,
    drift: status.drift.reduce((sum, { count }) => sum + count, 0),
    ...lastChange(parsed.value),
    lastSync: status.lastSync,
    wrong: wrongWith(parsed.value),
  };
}

/** When something last happened that a person would call a change: a condition that turned, or something undone from outside. */
function lastChange({ status }: NodeReport): Pick<NodeLine, 'lastChange'> {
  const times = [...status.conditions.map(({ lastTransitionTime }) => lastTransitionTime), ...status.drift.map(({ lastTime }) => lastTime)];
  const last = times.toSorted((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
  return last === undefined ? {} : { lastChange: last };
}

function wrongWith(report: NodeReport): readonly string[] {
  const { status } = report;
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return [
    ...(isStale(report) ? [`silent for ${ago(report.status.lastSync, '')}: is its agent running?`] : []),
    ...(status.complete ? [] : [`removes nothing: ${status.incompleteReason ?? 'its source is incomplete'}`]),
    ...status.resources.filter((resource) => !resource.ready).map(({ name, reason }) => `${name}: ${reason}`),
    ...status.problems.map(({ source, message }) => `${source}: ${message}`),
    ...(ready?.status === 'False' && status.resources.every((resource) => resource.ready) && status.problems.length === 0
      ? [ready.message]
      : []),
  ];
}

function resourceLine(object: ApiObject): ResourceLine {
  const status = fieldsOf(object['status']);
  const { selected, ready } = fieldsOf(status['nodes']);
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].map(fieldsOf) : [];
  const condition = conditions.find(({ type }) => type === 'Ready');
  // A kind whose spec cannot be changed need not say of which version its status is.
  const { observedGeneration = object.metadata.generation } = status;
  const observed = observedGeneration === object.metadata.generation;
  const other = conditions.find(({ type, status: holds }) => (OTHERS[String(type)] ?? holds) !== holds);
  const telling = condition?.['status'] === 'True' ? (other ?? condition) : condition;
  return {
    kind: object.kind,
    name: object.metadata.name,
    ready: observed && condition ? String(condition['status']) : 'Unknown',
    nodes: typeof selected === 'number' ? `${String(ready)}/${selected}` : '-',
    message:
      observed && telling ? `${String(telling['reason'])}: ${String(telling['message'])}` : 'the controller has not seen this version yet',
    fine: observed && condition?.['status'] === 'True' && other === undefined,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function print(terminal: Terminal, nodes: readonly NodeLine[], resources: readonly ResourceLine[]): void {
  const colour = (text: string, good: boolean): string => paint(text, good ? 'green' : 'red', terminal.colours);
  const nodeRows = nodes.map(({ node, resources: ready, drift, lastChange: changed, lastSync, wrong }) => [
    node,
    ready ?? '-',
    String(drift ?? '-'),
    changed === undefined ? '-' : ago(changed),
    lastSync === undefined ? '-' : ago(lastSync),
    wrong.length === 0 ? colour('nothing', true) : colour(listSome(wrong, NAMED), false),
  ]);
  terminal.out(`${columns([['NODE', 'RESOURCES', 'DRIFT', 'LAST CHANGE', 'LAST SYNC', 'WHAT IS WRONG'], ...nodeRows])}\n`);
  if (resources.length === 0) return;
  const rows = resources.map(({ kind, name, ready, nodes: counts, message, fine }) => [kind, name, ready, counts, colour(message, fine)]);
  terminal.out(`\n${columns([['KIND', 'NAME', 'READY', 'NODES', 'MESSAGE'], ...rows])}\n`);
}
