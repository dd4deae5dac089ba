import { join } from 'node:path';
import { formatErrors } from '../api/errors.ts';
import { type NodeReport, parseNodeReport } from '../api/kinds/node-report.ts';
import { REPORT_FILE } from '../cluster/cluster.ts';
import { readIfExists } from '../runtime/atomic-file.ts';
import { CommandFailed, FLAGS, UsageError } from '../runtime/config.ts';
import { whoHolds } from '../runtime/instance-lock.ts';
import { type Context, EXIT, LOCK_NAME, type Run, type Terminal } from './command.ts';
import { explained } from './files.ts';
import { holderText, nodeFlags, openCluster } from './node-context.ts';
import { printData } from './output.ts';
import { isStale } from './staleness.ts';
import { ago, columns, paint } from './text.ts';

/** `fairlead status`: the report of this node, or a whole cluster. Exits with 2 when something in it is not as it should be. */
export const run: Run = (context) => explained(() => status(context));

/** The folder or the cluster that is named; else the report of this node, where there is one; else the cluster that is configured. */
async function status(context: Context): Promise<number> {
  const { line } = context;
  const path = join(nodeFlags(line).statusFolder, REPORT_FILE);
  const local = line.has(FLAGS.status) || line.has(FLAGS.manifests);
  const named = line.has(FLAGS.fleet) || line.has(FLAGS.kubeconfig) || line.has(FLAGS.context);
  if (local && named) throw new UsageError('--status and --cluster or --kubeconfig exclude each other: one node, or the cluster');
  const text = named ? undefined : await readIfExists(path);
  if (text !== undefined) return nodeStatus(context, path, text);
  const missing = `there is no report at ${path}: start "fairlead agent", or name its folder with --status`;
  if (local) throw new CommandFailed(missing);
  const cluster = await openCluster(context, 'status').catch((error: unknown) => {
    if (named || !(error instanceof CommandFailed)) throw error;
    throw new CommandFailed(`${missing}; or a cluster with --kubeconfig: ${error.message}`);
  });
  return (await import('./status-cluster.ts')).clusterStatus(context, cluster);
}

async function nodeStatus({ line, terminal }: Context, path: string, text: string): Promise<number> {
  const parsed = parseNodeReport(await parseYaml(text, path));
  if (!parsed.ok) throw new CommandFailed(`${path} is not a NodeReport: ${formatErrors(parsed.errors)}`);
  const report = parsed.value;
  const format = line.text(FLAGS.output);
  if (format === 'json' || format === 'yaml') await printData(terminal, format, report);
  else await print(terminal, report);
  const { resources, problems, complete } = report.status;
  const fine = problems.length === 0 && complete && resources.every((resource) => resource.ready) && !isStale(report);
  return fine ? EXIT.ok : EXIT.found;
}

async function parseYaml(text: string, path: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (error) {
    throw new CommandFailed(`${path} is not YAML: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}

async function print(terminal: Terminal, report: NodeReport): Promise<void> {
  const { metadata, status } = report;
  const holder = await whoHolds(LOCK_NAME);
  const alive = holder
    ? `${holderText(holder)} is running`
    : paint('no agent is running in this network namespace', 'yellow', terminal.colours);
  terminal.out(`node ${metadata.name}: ${status.summary.ready} ready; last sync ${ago(status.lastSync)}; ${alive}\n`);
  if (isStale(report)) {
    terminal.out(
      `${paint('stale', 'yellow', terminal.colours)}: the agent renews this every two minutes, so it says nothing about now: start the agent\n`,
    );
  }
  if (!status.complete)
    terminal.out(`${paint('incomplete', 'yellow', terminal.colours)}: nothing is removed: ${status.incompleteReason ?? ''}\n`);
  if (status.resources.length > 0) terminal.out(`\n${resourceTable(status.resources, terminal)}\n`);
  if (status.problems.length > 0)
    terminal.out(
      `\nproblems\n${status.problems.map(({ source, line, message }) => `  ${source}${line === undefined ? '' : `:${line}`}: ${message}`).join('\n')}\n`,
    );
  if (status.drift.length > 0) terminal.out(`\nundone from outside\n${driftTable(status.drift)}\n`);
}

function resourceTable(resources: NodeReport['status']['resources'], terminal: Terminal): string {
  const rows = resources.map(({ kind, name, ready, reason, routes, gateway, device, message }) => [
    kind,
    name,
    String(routes ?? '-'),
    gateway ?? '-',
    device ?? '-',
    ready ? 'True' : 'False',
    `${ready ? paint(reason, 'green', terminal.colours) : paint(reason, 'red', terminal.colours)}${ready ? '' : `: ${message.replaceAll('\n', '; ')}`}`,
  ]);
  return columns([['KIND', 'NAME', 'ROUTES', 'GATEWAY', 'DEVICE', 'READY', 'REASON'], ...rows]);
}

function driftTable(drift: NodeReport['status']['drift']): string {
  const rows = drift.map(({ object, count, lastTime, restoredMicros, cause }) => [
    `  ${object}`,
    `${count}x`,
    ago(lastTime),
    restoredMicros === undefined ? 'not restored' : `restored in ${restoredMicros} us`,
    cause,
  ]);
  return columns(rows);
}
