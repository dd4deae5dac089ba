import { stringify } from 'yaml';
import { CommandFailed, type CommandLine, FLAGS, UsageError } from '../runtime/config.ts';
import { type Context, EXIT } from './command.ts';
import { readText } from './files.ts';
import type { Finding, Migrated } from './migrate-static-routes.ts';
import { openCluster } from './node-context.ts';

/**
 * `fairlead migrate`: our resources on stdout, what could not be used on stderr with place and reason. From files, or from a cluster.
 * Fails when anything could not be used, so that a script notices.
 */
export async function run(context: Context): Promise<number> {
  const { line, terminal } = context;
  const { resources, findings } = line.operands.length > 0 ? await fromFiles(context) : await fromCluster(context);
  terminal.out(resources.map((resource) => stringify(resource)).join('---\n'));
  for (const { where, message } of findings) terminal.err(`${where}: ${message}\n`);
  return findings.length > 0 ? EXIT.failed : EXIT.ok;
}

async function fromFiles({ line }: Context): Promise<Migrated> {
  if (clusterMeant(line) || line.has(FLAGS.withinNamespace))
    throw new UsageError('fairlead migrate: files and a cluster exclude each other: name files, or --kubeconfig');
  const { migrateManifests } = await import('./migrate-files.ts');
  const findings: Finding[] = [];
  const resources: object[] = [];
  for (const file of line.operands) {
    const migrated = migrateManifests(await readText(file), file, new Set(resources.map(nameOf)));
    resources.push(...migrated.resources);
    findings.push(...migrated.findings);
  }
  if (resources.length === 0 && findings.length === 0) {
    throw new CommandFailed(`nothing to migrate in ${line.operands.join(', ')}: there is no ConfigMap with a "routes" key`);
  }
  return { resources, findings };
}

async function fromCluster(context: Context): Promise<Migrated> {
  const { line } = context;
  const { client } = await openCluster(context, 'migrate').catch((error: unknown) => {
    if (clusterMeant(line) || !(error instanceof CommandFailed)) throw error;
    throw new UsageError(`fairlead migrate: name the files with the manifests of the older system, or its cluster: ${error.message}`);
  });
  const namespace = line.text(FLAGS.withinNamespace);
  const migrated = await (await import('./migrate-cluster.ts')).migrateCluster(client, namespace);
  if (migrated.resources.length === 0 && migrated.findings.length === 0) {
    const where = namespace === undefined ? client.server : `namespace ${namespace} of ${client.server}`;
    throw new CommandFailed(`nothing to migrate in ${where}: there is no ConfigMap with a JSON array of subnets under the key "routes"`);
  }
  return migrated;
}

function clusterMeant(line: CommandLine): boolean {
  return line.has(FLAGS.kubeconfig) || line.has(FLAGS.context);
}

function nameOf(resource: object): string {
  return (resource as { readonly metadata: { readonly name: string } }).metadata.name;
}
