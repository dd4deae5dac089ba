import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeReport, nodeReportKind, parseNodeReport } from '../api/kinds/node-report.ts';
import { MANIFEST_KINDS } from '../api/kinds.ts';
import { type ApiClient, type ApiObject, formatObject, type ResourceType } from '../cluster/api-client.ts';
import { typeOf } from '../cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../controller/overlay/names.ts';
import { listSome } from '../core/render.ts';
import { FLAGS, UsageError } from '../runtime/config.ts';
import { leftBehind } from './cleanup-left-behind.ts';
import { letGo, overlayRemains, remainsInWords, unheld } from './cleanup-overlay.ts';
import { askingTheCluster, isServed, listAll, listIfServed, withRights } from './cluster-objects.ts';
import { type Context, EXIT, type Terminal } from './command.ts';
import { openCluster } from './node-context.ts';
import { isStale } from './staleness.ts';
import { count } from './text.ts';

const POLL_MS = 500;
const REPORT_DELAY_MS = 2_000;
/** How often a person who waits is told for what. */
const TELL_MS = 5_000;
/** So many nodes and objects are named, the rest counted. */
const NAMES = 5;
/** Deleted after everything that uses them. */
const OVERLAY_KINDS = [OVERLAY_POOLS.kind, NODE_OVERLAY_IPS.kind];

/**
 * `fairlead cleanup --cluster`: deletes every resource of ours and waits until the agents have taken away what they asked for, and the
 * controller has given back the overlay addresses. Fails when that is not so in time; an agent that is silent is named and not waited
 * for. With --force nothing of ours is left in the cluster then, and what is left elsewhere is said.
 */
export async function cleanUpCluster(context: Context): Promise<number> {
  const { line, terminal } = context;
  const seconds = Number(line.text(FLAGS.wait));
  if (!Number.isInteger(seconds) || seconds < 0) throw new UsageError(`--wait ${line.text(FLAGS.wait)}: write whole seconds, such as 120`);
  const { client } = await openCluster(context, 'cleanup');
  return askingTheCluster(client, async () => {
    const deleted = await deleteAll(client, terminal);
    // What an agent has seen in the last second may not be in its report yet.
    if (deleted > 0) await sleep(REPORT_DELAY_MS);
    const waited = await waitUntilClean(client, terminal, seconds);
    if (waited.nodes.length + waited.overlay.length > 0) return notClean(context, client, waited, seconds);
    terminal.out(`the cluster is clean: ${count(deleted + waited.deleted, 'resource')} deleted\n`);
    return EXIT.ok;
  });
}

/** Pools last: what they gave is in use until then. Each of their NodeOverlayIPs is deleted by the controller. */
async function deleteAll(client: ApiClient, terminal: Terminal): Promise<number> {
  let deleted = 0;
  const types = MANIFEST_KINDS.map(({ definition }) => typeOf(definition)).filter(({ kind }) => !OVERLAY_KINDS.includes(kind));
  // Where nothing of ours was ever installed this is the wrong cluster; a definition that waits for its objects to go outlives the others.
  if (!(await isServed(client, OVERLAY_POOLS))) for (const type of types) await listAll(client, type);
  for (const type of types) deleted += await deleteObjects(client, type, await listIfServed(client, type), terminal);
  const remains = await overlayRemains(client);
  deleted += await deleteObjects(client, OVERLAY_POOLS, remains.pools, terminal);
  return deleted + (await deleteObjects(client, NODE_OVERLAY_IPS, unheld(remains), terminal));
}

async function deleteObjects(client: ApiClient, type: ResourceType, objects: readonly ApiObject[], terminal: Terminal): Promise<number> {
  for (const { metadata } of objects) {
    await client.delete(type, metadata, { uid: metadata.uid });
    terminal.out(`- ${formatObject(type, metadata)}\n`);
  }
  return objects.length;
}

/** What is still there when waiting ends. */
interface Waited {
  /** By node and reason. */
  readonly nodes: readonly string[];
  readonly overlay: readonly string[];
  /** What came to light meanwhile, and was deleted. */
  readonly deleted: number;
}

async function waitUntilClean(client: ApiClient, terminal: Terminal, seconds: number): Promise<Waited> {
  const until = Date.now() + seconds * 1000;
  const told = new Set<string>();
  let deleted = 0;
  for (let tell = Date.now() + TELL_MS; ; ) {
    const nodes = await uncleanNodes(client, terminal, told);
    const remains = await overlayRemains(client);
    deleted += await deleteObjects(client, NODE_OVERLAY_IPS, unheld(remains), terminal);
    const overlay = remainsInWords(remains);
    if (nodes.length + overlay.length === 0 || Date.now() >= until) return { nodes, overlay, deleted };
    if (Date.now() >= tell) {
      terminal.err(`waiting for ${listSome([...overlay, ...nodes], NAMES)}\n`);
      tell = Date.now() + TELL_MS;
    }
    await sleep(POLL_MS);
  }
}

async function uncleanNodes(client: ApiClient, terminal: Terminal, told: Set<string>): Promise<readonly string[]> {
  const states = (await listIfServed(client, typeOf(nodeReportKind))).map(stateOf);
  for (const { node, silent } of states) {
    if (silent === undefined || told.has(node)) continue;
    terminal.err(`node ${node}: ${silent}\n`);
    told.add(node);
  }
  return states.flatMap(({ node, unclean: why }) => (why === undefined ? [] : [`${node} (${why})`]));
}

async function notClean({ line, terminal }: Context, client: ApiClient, { nodes, overlay }: Waited, seconds: number): Promise<number> {
  if (overlay.length > 0) {
    const fix = line.has(FLAGS.force) ? 'it is let go' : 'see that the controller runs and what it says, or let go of it with --force';
    terminal.err(`after ${seconds} s these addresses are not given back: ${listSome(overlay, NAMES)}; ${fix}\n`);
    if (line.has(FLAGS.force)) await letGoAndSay(client, terminal);
  }
  if (nodes.length > 0) {
    const names = listSome(nodes, NAMES);
    terminal.err(`after ${seconds} s these nodes are not clean: ${names}; ask their agents' logs, or run "fairlead cleanup" there\n`);
  }
  return EXIT.failed;
}

/** It is said first: afterwards nobody knows. */
async function letGoAndSay(client: ApiClient, terminal: Terminal): Promise<void> {
  const remains = await overlayRemains(client);
  for (const words of leftBehind(remains)) terminal.err(`left behind: ${words}\n`);
  await withRights('the right to get, update and delete overlaypools and nodeoverlayips', () => letGo(client, remains));
}

interface NodeState {
  readonly node: string;
  /** Why it is not waited for. */
  readonly silent?: string;
  readonly unclean?: string;
}

function stateOf(object: ApiObject): NodeState {
  const node = object.metadata.name;
  if (object['status'] === undefined) return { node, unclean: 'its agent has not reported yet' };
  const parsed = parseNodeReport(object);
  if (!parsed.ok) return { node, unclean: 'its report cannot be read' };
  if (isStale(parsed.value)) {
    return { node, silent: 'its agent is silent, so whatever it has set stays: run "fairlead cleanup" there when it is back' };
  }
  const why = uncleanBecause(parsed.value);
  return why === undefined ? { node } : { node, unclean: why };
}

function uncleanBecause({ status }: NodeReport): string | undefined {
  if (status.resources.length > 0) return `${count(status.resources.length, 'resource')} left`;
  if (!status.complete) return 'it removes nothing while its source is incomplete';
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' ? ready.message : undefined;
}
