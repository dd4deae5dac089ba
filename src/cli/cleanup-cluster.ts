import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeReport, nodeReportKind, parseNodeReport } from '../api/kinds/node-report.ts';
import { MANIFEST_KINDS } from '../api/kinds.ts';
import { type ApiClient, type ApiObject, formatObject } from '../cluster/api-client.ts';
import { typeOf } from '../cluster/resource-types.ts';
import { listSome } from '../core/render.ts';
import { FLAGS, UsageError } from '../runtime/config.ts';
import { askingTheCluster, listAll } from './cluster-objects.ts';
import { type Context, EXIT, type Terminal } from './command.ts';
import { openCluster } from './node-context.ts';
import { isStale } from './staleness.ts';
import { count } from './text.ts';

const POLL_MS = 500;
const REPORT_DELAY_MS = 2_000;
/** So many nodes are named, the rest counted. */
const NAMES = 5;

/**
 * `fairlead cleanup --cluster`: deletes every resource of ours and waits until the agents have taken away what they asked for.
 * Fails when some have not in time; an agent that is silent is named and not waited for.
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
    const failed = await waitForNodes(client, terminal, seconds);
    if (failed.length > 0) {
      const names = listSome(failed, NAMES);
      terminal.err(`after ${seconds} s these nodes are not clean: ${names}; ask their agents' logs, or run "fairlead cleanup" there\n`);
      return EXIT.failed;
    }
    terminal.out(`the cluster is clean: ${count(deleted, 'resource')} deleted\n`);
    return EXIT.ok;
  });
}

async function deleteAll(client: ApiClient, terminal: Terminal): Promise<number> {
  let deleted = 0;
  for (const type of MANIFEST_KINDS.map(({ definition }) => typeOf(definition))) {
    for (const { metadata } of await listAll(client, type)) {
      await client.delete(type, metadata, { uid: metadata.uid });
      terminal.out(`- ${formatObject(type, metadata)}\n`);
      deleted++;
    }
  }
  return deleted;
}

/** What is not clean in the end, by node and reason. */
async function waitForNodes(client: ApiClient, terminal: Terminal, seconds: number): Promise<readonly string[]> {
  const until = Date.now() + seconds * 1000;
  const told = new Set<string>();
  for (;;) {
    const reports = await listAll(client, typeOf(nodeReportKind));
    const states = reports.map(stateOf);
    for (const { node, silent } of states) {
      if (silent === undefined || told.has(node)) continue;
      terminal.err(`node ${node}: ${silent}\n`);
      told.add(node);
    }
    const unclean = states.flatMap(({ node, unclean: why }) => (why === undefined ? [] : [`${node} (${why})`]));
    if (unclean.length === 0 || Date.now() >= until) return unclean;
    await sleep(POLL_MS);
  }
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
