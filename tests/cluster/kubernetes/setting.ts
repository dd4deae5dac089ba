import type { ApiClient, ResourceType } from '../../../src/cluster/api-client.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import type { Endpoint } from '../../../src/cluster/kubernetes/connection.ts';
import type { User } from '../../../src/cluster/kubernetes/credentials.ts';
import type { Clock } from '../../../src/runtime/clock.ts';
import { Authority } from './certificates.ts';
import { ScriptedServer } from './scripted-server.ts';

export const ROUTES: ResourceType = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', plural: 'staticroutes', namespaced: false };
export const LEASES: ResourceType = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', namespaced: true };
export const NODES: ResourceType = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };

/** An object as an API server sends it. */
export function route(
  name: string,
  resourceVersion = '1',
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const metadata = { name, uid: `uid-of-${name}`, resourceVersion, managedFields: [{ manager: 'kubectl' }] };
  return { apiVersion: ROUTES.apiVersion, kind: ROUTES.kind, metadata, ...more };
}

/** The same object as a client answers it. */
export function received(
  name: string,
  resourceVersion = '1',
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { ...route(name, resourceVersion, more), metadata: { name, uid: `uid-of-${name}`, resourceVersion } };
}

/** An authority, and a server with a certificate of it. */
export interface Setting {
  readonly authority: Authority;
  readonly server: ScriptedServer;
  /** A client of this server, closed with the rest. */
  client(options?: { readonly endpoint?: Partial<Endpoint>; readonly user?: User; readonly clock?: Clock }): ApiClient;
  close(): Promise<void>;
}

export async function makeSetting(): Promise<Setting> {
  const authority = await Authority.make();
  const server = await ScriptedServer.open(await authority.server('IP:127.0.0.1', 'DNS:localhost'));
  const clients: ApiClient[] = [];
  return {
    authority,
    server,
    client({ endpoint, user = { token: { text: 'secret' } }, clock } = {}) {
      const whole: Endpoint = {
        server: server.url,
        certificateAuthority: { text: authority.certificate },
        origin: 'context "test" of /kubeconfig',
        ...endpoint,
      };
      const client = openKubernetes({ endpoint: whole, user }, { version: '1.2.3', role: 'agent', ...(clock && { clock }) });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) await client.close();
      await server.close();
      authority.delete();
    },
  };
}
