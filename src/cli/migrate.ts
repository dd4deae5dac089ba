import { stringify } from 'yaml';
import { CommandFailed, type CommandLine, FLAGS, UsageError } from '../runtime/config.ts';
import { type Context, EXIT } from './command.ts';
import { readText } from './files.ts';
import type { MigratedFile } from './migrate-files.ts';
import type { Migrated } from './migrated.ts';
import { openCluster } from './node-context.ts';

/**
 * `fairlead migrate`: our resources on stdout, with what a person must do around them as comments above; what could not be used on stderr with place and reason. From files, or from a cluster.
 * Fails when anything could not be used, so that a script notices.
 */
export async function run(context: Context): Promise<number> {
  const { line, terminal } = context;
  const { resources, findings, notes = [] } = line.operands.length > 0 ? await fromFiles(context) : await fromCluster(context);
  // A name with a line end must not become a line of YAML.
  terminal.out(notes.map((note) => `# ${note.replaceAll(/\s+/g, ' ')}\n`).join(''));
  terminal.out(resources.map((resource) => stringify(resource)).join('---\n'));
  for (const { where, message } of findings) terminal.err(`${where}: ${message}\n`);
  return findings.length > 0 ? EXIT.failed : EXIT.ok;
}

async function fromFiles({ line }: Context): Promise<Migrated> {
  if (clusterMeant(line) || line.has(FLAGS.withinNamespace))
    throw new UsageError('fairlead migrate: files and a cluster exclude each other: name files, or --kubeconfig');
  const [{ migrateManifests }, { migrateOverlay }] = await Promise.all([import('./migrate-files.ts'), import('./migrate-overlay.ts')]);
  const names = new Set<string>();
  const files: MigratedFile[] = [];
  for (const file of line.operands) files.push(migrateManifests(await readText(file), file, names));
  const overlay = files.flatMap((file) => file.overlay);
  return found([...files, migrateOverlay(overlay, names)], line.operands.join(', '));
}

async function fromCluster(context: Context): Promise<Migrated> {
  const { line } = context;
  const { client } = await openCluster(context, 'migrate').catch((error: unknown) => {
    if (clusterMeant(line) || !(error instanceof CommandFailed)) throw error;
    throw new UsageError(`fairlead migrate: name the files with the manifests of the older system, or its cluster: ${error.message}`);
  });
  const namespace = line.text(FLAGS.withinNamespace);
  const parts = await (await import('./migrate-cluster.ts')).migrateCluster(client, namespace);
  return found(parts, namespace === undefined ? client.server : `namespace ${namespace} of ${client.server}`);
}

/** All of it together. @throws CommandFailed when there is nothing at all */
function found(parts: readonly Migrated[], where: string): Migrated {
  const [resources, findings] = [parts.flatMap((part) => part.resources), parts.flatMap((part) => part.findings)];
  if (resources.length > 0 || findings.length > 0) return { resources, findings, notes: parts.flatMap((part) => part.notes ?? []) };
  throw new CommandFailed(
    `nothing to migrate in ${where}: there is no ConfigMap with a JSON array of subnets under the key "routes", and nothing of iks.ibm.com/v1alpha1`,
  );
}

function clusterMeant(line: CommandLine): boolean {
  return line.has(FLAGS.kubeconfig) || line.has(FLAGS.context);
}
