import { systemClock } from '../../runtime/clock.ts';
import { CommandFailed } from '../../runtime/config.ts';
import type { Endpoint } from './connection.ts';
import { NoAnswer } from './connection-errors.ts';
import type { User } from './credentials.ts';
import { Rotating, type Source } from './credentials-file.ts';
import { inClusterConfig } from './in-cluster.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Which API server, and as whom. The files that it names are read later, and again when they change. */
export interface KubernetesConfig {
  readonly endpoint: Endpoint;
  readonly user: User;
  /** The namespace of the context or of the pod, where it has one. */
  readonly namespace?: Source;
}

export interface ConfigOptions {
  /** `--kubeconfig` */
  readonly kubeconfig?: string | undefined;
  /** `--context`; absent: the current one of the kubeconfig. */
  readonly context?: string | undefined;
  /** The whole environment of the process: KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST and _PORT, and what credential plugins inherit. */
  readonly env: Environment;
  /** Whether a person sits at a terminal that credential plugins may use. */
  readonly interactive?: boolean;
}

/**
 * The first of: `--kubeconfig`, KUBECONFIG (a list of files, merged as kubectl does), the service account of the pod, ~/.kube/config.
 * @throws CommandFailed naming the file, the field and the fix
 */
export async function kubernetesConfig({ kubeconfig, context, env, interactive = false }: ConfigOptions): Promise<KubernetesConfig> {
  const listed = (env['KUBECONFIG'] ?? '').split(':').filter((file) => file !== '');
  const options = { context, env, interactive };
  if (kubeconfig !== undefined) return read([kubeconfig], options);
  if (listed.length > 0) return read(listed, options);
  const pod = context === undefined ? inClusterConfig(env) : undefined;
  if (pod !== undefined) return pod;
  const home = env['HOME'];
  if (home) return read([`${home}/.kube/config`], options);
  throw new CommandFailed('no Kubernetes cluster is configured: give --kubeconfig FILE, set KUBECONFIG, or run in a pod');
}

/** The namespace of the pod or of the context; undefined when there is none. @throws CommandFailed when its file cannot be read */
export async function namespaceOf({ namespace }: KubernetesConfig): Promise<string | undefined> {
  try {
    return await (namespace && new Rotating(namespace, systemClock).current());
  } catch (error) {
    if (error instanceof NoAnswer) throw new CommandFailed(`${error.message}, or name the namespace with --namespace`);
    throw error;
  }
}

/** Kubeconfigs are YAML, whose parser a pod does not need. */
async function read(files: readonly string[], options: Omit<ConfigOptions, 'kubeconfig'>): Promise<KubernetesConfig> {
  const { readKubeconfig } = await import('./kubeconfig.ts');
  return readKubeconfig(files, options);
}
