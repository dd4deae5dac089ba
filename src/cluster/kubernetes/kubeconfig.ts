import { CommandFailed } from '../../runtime/config.ts';
import { isRecord } from './client-objects.ts';
import type { ConfigOptions, KubernetesConfig } from './config.ts';
import { toEndpoint } from './kubeconfig-cluster.ts';
import { Entry } from './kubeconfig-entry.ts';
import { toUser } from './kubeconfig-user.ts';

type Section = 'clusters' | 'users' | 'contexts';

/**
 * The chosen context of these files, merged as kubectl does: of each name, and of current-context, the first that stands in a file counts.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 * @throws CommandFailed
 */
export async function readKubeconfig(files: readonly string[], options: Omit<ConfigOptions, 'kubeconfig'>): Promise<KubernetesConfig> {
  const documents = (await Promise.all(files.map((file) => readFile(file)))).filter((document) => document !== undefined);
  const where = files.join(':');
  if (documents.length === 0) {
    throw new CommandFailed(`there is no kubeconfig at ${where}: put it there, give --kubeconfig FILE, or set KUBECONFIG`);
  }
  const named = documents.map((document) => document.text('current-context')).find((name) => name !== undefined);
  const chosen = options.context ?? named;
  if (chosen === undefined) {
    throw new CommandFailed(`${where} has no current-context: give --context, one of ${namesOf(documents, 'contexts')}`);
  }
  const context = find(documents, 'contexts', chosen, options.context === undefined ? 'its current-context' : '--context');
  const origin = `context "${chosen}" of ${context.file}`;
  const cluster = find(documents, 'clusters', context.required('cluster'), `${origin}: cluster`);
  const userName = context.text('user');
  const user = userName === undefined ? undefined : find(documents, 'users', userName, `${origin}: user`);
  const namespace = context.text('namespace');
  return {
    endpoint: toEndpoint(cluster, origin),
    user: user === undefined ? {} : toUser(user, cluster, origin, options),
    ...(namespace !== undefined && { namespace: { text: namespace } }),
  };
}

/** Undefined when there is no such file. */
async function readFile(file: string): Promise<Entry | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const { parse } = await import('yaml');
  try {
    const value: unknown = parse(text, { logLevel: 'error' }) ?? {};
    if (isRecord(value)) return new Entry(file, '', value);
  } catch (error) {
    const [words] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CommandFailed(`${file} is not valid YAML (${words}): correct it`);
  }
  throw new CommandFailed(`${file} is no kubeconfig: write a map with clusters, users and contexts`);
}

async function readText(file: string): Promise<string | undefined> {
  const { readFile: read } = await import('node:fs/promises');
  try {
    return await read(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CommandFailed(`${file} cannot be read (${error instanceof Error ? error.message : String(error)}): correct its permissions`);
  }
}

/** `asker`: what names it, for the message. */
function find(documents: readonly Entry[], section: Section, name: string, asker: string): Entry {
  for (const document of documents) {
    const entry = document.entries(section).find((candidate) => candidate.text('name') === name);
    if (entry !== undefined) return entry.child(section.slice(0, -1), `${section}[${name}]`);
  }
  const files = documents.map(({ file }) => file).join(':');
  throw new CommandFailed(`${asker} names "${name}", which is not among the ${section} of ${files} (${namesOf(documents, section)})`);
}

function namesOf(documents: readonly Entry[], section: Section): string {
  const names = documents.flatMap((document) => document.entries(section).map((entry) => entry.text('name')));
  return names.filter((name) => name !== undefined).join(', ') || 'none';
}
