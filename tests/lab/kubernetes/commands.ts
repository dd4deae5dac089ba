import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../../tools/programs/programs.ts';
import { AUDIT_POLICY } from './audit.ts';
import { kubeconfig } from './kubeconfig.ts';
import { type Authority, type Identity, signingKey } from './pki.ts';

export const API_PORT = 6443;
export const ETCD_PORT = 2379;
/** Both families, IPv4 first: services get IPv4 unless they ask for both. */
export const SERVICE_RANGES = '10.96.0.0/16,fd00:96::/112';
export const POD_RANGES = '10.244.0.0/16,fd00:244::/48';
const SERVER_NAMES = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost', '127.0.0.1', '10.96.0.1', 'fd00:96::1'];

/** Where a control plane runs and keeps its files. */
export interface Site {
  readonly folder: string;
  readonly authority: Authority;
  /** Of the API server, as clients reach it. */
  readonly address: string;
  /** Where its helpers listen, for nobody else. */
  readonly inner: string;
  /** Where the API server listens. */
  readonly bind: string;
  /** What it writes into the endpoints of the service `kubernetes`. */
  readonly advertise: string;
}

export function authorityOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Writes every file that the commands below name. */
export function writeFiles({ folder, authority, address }: Site, hosts: readonly string[]): void {
  mkdirSync(join(folder, 'pki'), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  const writeIdentity = (name: string, { certificate, key }: Identity) => {
    write(`pki/${name}.crt`, certificate);
    write(`pki/${name}.key`, key);
  };
  const signing = signingKey();
  write('audit-policy.yaml', AUDIT_POLICY);
  write('pki/service-account.key', signing.privateKey);
  write('pki/service-account.pub', signing.publicKey);
  writeIdentity('ca', authority);
  writeIdentity('server', authority.issue({ name: 'kube-apiserver', hosts: [...SERVER_NAMES, address, ...hosts] }));
  writeIdentity('kubelet-client', authority.issue({ name: 'kube-apiserver-kubelet-client', groups: ['system:masters'] }));
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const credentials = authority.issue({ name: `system:${name}` });
    const server = `https://${authorityOf(address, API_PORT)}`;
    write(`${name}.kubeconfig`, kubeconfig({ server, authority: authority.certificate, credentials }));
  }
}

export function etcdCommand({ folder, inner }: Site): readonly string[] {
  const url = (port: number) => `http://${authorityOf(inner, port)}`;
  return [
    program('etcd'),
    `--data-dir=${folder}/etcd`,
    `--listen-client-urls=${url(ETCD_PORT)}`,
    `--advertise-client-urls=${url(ETCD_PORT)}`,
    `--listen-peer-urls=${url(ETCD_PORT + 1)}`,
    // The data need not survive the machine; a killed process loses nothing by it.
    '--unsafe-no-fsync',
  ];
}

export function apiServerCommand({ folder, inner, bind, advertise }: Site): readonly string[] {
  const pki = `${folder}/pki`;
  return [
    program('kube-apiserver'),
    `--etcd-servers=http://${authorityOf(inner, ETCD_PORT)}`,
    `--secure-port=${API_PORT}`,
    `--bind-address=${bind}`,
    `--advertise-address=${advertise}`,
    `--tls-cert-file=${pki}/server.crt`,
    `--tls-private-key-file=${pki}/server.key`,
    `--client-ca-file=${pki}/ca.crt`,
    `--kubelet-client-certificate=${pki}/kubelet-client.crt`,
    `--kubelet-client-key=${pki}/kubelet-client.key`,
    `--kubelet-certificate-authority=${pki}/ca.crt`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${pki}/service-account.pub`,
    `--service-account-signing-key-file=${pki}/service-account.key`,
    `--service-cluster-ip-range=${SERVICE_RANGES}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    `--audit-policy-file=${folder}/audit-policy.yaml`,
    `--audit-log-path=${auditFile(folder)}`,
  ];
}

export function auditFile(folder: string): string {
  return `${folder}/audit.log`;
}

export function controllerManagerCommand(site: Site, allocateNodeRanges: boolean): readonly string[] {
  const { folder } = site;
  const masks = ['--node-cidr-mask-size-ipv4=24', '--node-cidr-mask-size-ipv6=64'];
  const ranges = ['--allocate-node-cidrs', `--cluster-cidr=${POD_RANGES}`, `--service-cluster-ip-range=${SERVICE_RANGES}`, ...masks];
  return [
    ...controllerCommand('kube-controller-manager', site),
    '--use-service-account-credentials',
    `--service-account-private-key-file=${folder}/pki/service-account.key`,
    `--root-ca-file=${folder}/pki/ca.crt`,
    `--cluster-signing-cert-file=${folder}/pki/ca.crt`,
    `--cluster-signing-key-file=${folder}/pki/ca.key`,
    // It makes this folder, by default on the machine.
    `--flex-volume-plugin-dir=${folder}/flexvolume`,
    ...(allocateNodeRanges ? ranges : []),
  ];
}

export function schedulerCommand(site: Site): readonly string[] {
  return controllerCommand('kube-scheduler', site);
}

function controllerCommand(name: 'kube-controller-manager' | 'kube-scheduler', { folder, inner }: Site): readonly string[] {
  const file = `${folder}/${name}.kubeconfig`;
  const roles = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${file}`);
  return [program(name), ...roles, `--bind-address=${inner}`, '--leader-elect=false'];
}
