import { join } from 'node:path';
import type { Environment, KubernetesConfig } from './config.ts';

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What a pod is given; undefined outside of one. `folder` is where the token is mounted. */
export function inClusterConfig(env: Environment, folder = SERVICE_ACCOUNT): KubernetesConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (!host) return undefined;
  return {
    endpoint: {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      certificateAuthority: { file: join(folder, 'ca.crt') },
      origin: `the service account of this pod (${folder})`,
    },
    user: { token: { file: join(folder, 'token') } },
    namespace: { file: join(folder, 'namespace') },
  };
}
