import type { Endpoint } from './connection.ts';
import type { Entry } from './kubeconfig-entry.ts';

/** @throws CommandFailed */
export function toEndpoint(cluster: Entry, origin: string): Endpoint {
  const server = cluster.required('server').replace(/\/+$/, '');
  if (!URL.canParse(server)) throw cluster.wrong('server', `is no URL: ${server}; write https://HOST:PORT`);
  if (new URL(server).protocol !== 'https:') throw cluster.wrong('server', `must begin with https:// instead of ${server}`);
  if (cluster.has('proxy-url')) {
    throw cluster.wrong('proxy-url', 'is not supported: connect without a proxy, for example through a tunnel, and remove it');
  }
  const serverName = cluster.text('tls-server-name');
  const certificateAuthority = cluster.source('certificate-authority');
  return {
    server,
    insecure: cluster.flag('insecure-skip-tls-verify'),
    origin,
    ...(serverName !== undefined && { serverName }),
    ...(certificateAuthority !== undefined && { certificateAuthority }),
  };
}
