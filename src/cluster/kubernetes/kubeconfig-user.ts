import type { ConfigOptions } from './config.ts';
import type { User } from './credentials.ts';
import type { ExecPlugin } from './exec-credentials.ts';
import type { Entry } from './kubeconfig-entry.ts';

const REFUSED = {
  username: 'is not supported, since Kubernetes has no passwords any more: use a token, a client certificate or exec',
  password: 'is not supported, since Kubernetes has no passwords any more: use a token, a client certificate or exec',
  'auth-provider': 'is not supported, since kubectl has dropped it too: use exec with the plugin of that provider',
  as: 'is not supported: use credentials of that user',
} as const;

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;
const INTERACTIVE_MODES = ['Never', 'IfAvailable', 'Always'] as const;

/** What to do with one user of a kubeconfig. @throws CommandFailed */
export function toUser(user: Entry, cluster: Entry, origin: string, options: Omit<ConfigOptions, 'kubeconfig'>): User {
  for (const [field, words] of Object.entries(REFUSED)) if (user.has(field)) throw user.wrong(field, words);
  const token = user.text('token');
  const tokenFile = user.text('tokenFile');
  const certificate = user.source('client-certificate');
  const key = user.source('client-key');
  if (certificate !== undefined && key === undefined) throw user.wrong('client-key', 'is missing beside client-certificate: write it');
  if (certificate === undefined && key !== undefined) throw user.wrong('client-certificate', 'is missing beside client-key: write it');
  if (user.has('exec')) return { exec: toPlugin(user.child('exec'), cluster, origin, options) };
  return {
    ...(tokenFile !== undefined ? { token: { file: user.path(tokenFile) } } : token !== undefined && { token: { text: token.trim() } }),
    ...(certificate !== undefined && key !== undefined && { certificate: { certificate, key } }),
  };
}

function toPlugin(
  exec: Entry,
  cluster: Entry,
  origin: string,
  { env, interactive = false }: Omit<ConfigOptions, 'kubeconfig'>,
): ExecPlugin {
  const apiVersion = oneOf(exec, 'apiVersion', API_VERSIONS);
  const mode =
    exec.has('interactiveMode') || apiVersion === API_VERSIONS[0] ? oneOf(exec, 'interactiveMode', INTERACTIVE_MODES) : 'IfAvailable';
  if (mode === 'Always' && !interactive) {
    throw exec.wrong('interactiveMode', 'is Always, and nobody sits at a terminal here: run it in a terminal, or use another user');
  }
  const command = exec.required('command');
  const own = Object.fromEntries(exec.entries('env').map((entry) => [entry.required('name'), entry.text('value') ?? '']));
  const installHint = exec.text('installHint');
  return {
    apiVersion,
    command: command.includes('/') ? exec.path(command) : command,
    args: exec.texts('args'),
    env: { ...env, ...own },
    interactive: interactive && mode !== 'Never',
    origin,
    ...(installHint !== undefined && { installHint }),
    ...(exec.flag('provideClusterInfo') && { cluster: clusterInfo(cluster) }),
  };
}

/** https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster */
function clusterInfo(cluster: Entry): Readonly<Record<string, unknown>> {
  const serverName = cluster.text('tls-server-name');
  const data = cluster.text('certificate-authority-data');
  return {
    server: cluster.required('server'),
    ...(serverName !== undefined && { 'tls-server-name': serverName }),
    ...(data !== undefined && { 'certificate-authority-data': data }),
    ...(cluster.flag('insecure-skip-tls-verify') && { 'insecure-skip-tls-verify': true }),
  };
}

function oneOf<T extends string>(entry: Entry, field: string, choices: readonly T[]): T {
  const text = entry.text(field);
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw entry.wrong(field, `${text === undefined ? 'is missing' : `is "${text}"`}: write one of ${choices.join(', ')}`);
  return found;
}
