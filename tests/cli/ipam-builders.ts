import type { ApiObject } from '../../src/cluster/api-client.ts';

const API = 'fairlead.dev/v1alpha1';
export const SINCE = '2027-01-01T00:00:00Z';

export interface EntryText {
  readonly address: string;
  readonly node: string;
  readonly releaseAfter?: string;
  readonly releasing?: boolean;
  readonly record?: string;
}

/** `192.168.100.4 n1`, and what else is to be in the entry. */
export function entry(text: string, more: Partial<EntryText> = {}): EntryText & { readonly since: string } {
  const [address = '', node = ''] = text.split(' ');
  return { address, node, since: SINCE, ...more };
}

/** An OverlayPool with its ledger. */
export function pool(
  name: string,
  ledger: readonly object[],
  more: { readonly ipam?: object; readonly status?: object; readonly metadata?: object } = {},
): ApiObject {
  const ipam = more.ipam ?? { cluster: { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }] } };
  return object('OverlayPool', name, { ipam, interface: { parent: { name: 'eth0' } } }, { ledger, ...more.status }, more.metadata);
}

/** `spec.ipam` of a pool with a phpIPAM. */
export function phpIPAM(url = 'https://ipam.example.org'): object {
  return { phpIPAM: { url, appID: 'iks', subnetMap: { '*': [7] }, credentialsSecret: 'phpipam' } };
}

export interface OverlayIPText {
  /** Default: granted, and in place. */
  readonly ready?: string;
  readonly device?: string;
  /** Of the condition Ready, and of DeviceReady. */
  readonly message?: string;
  /** An address of the other family, with its length. */
  readonly second?: string;
  readonly record?: string;
  readonly finalizers?: readonly string[];
  readonly deleting?: boolean;
}

/** A NodeOverlayIP `n1 192.168.100.4`, of a /24 unless the text says else. */
export function overlayIP(text: string, poolName = 'default', more: OverlayIPText = {}): ApiObject {
  const [node = '', given = ''] = text.split(' ');
  const [address = '', length = '24'] = given.split('/');
  const { ready = 'Granted', device = 'InPlace', record, finalizers = ['fairlead.dev/release-ip'], deleting, message, second } = more;
  const addresses = [{ address: `${address}/${length}`, gateway: '192.168.100.1', ...(record !== undefined && { ipamID: record }) }];
  const conditions = [
    condition('Ready', ready, ready === 'Granted', message),
    condition('DeviceReady', device, device === 'InPlace', message),
  ];
  return object(
    'NodeOverlayIP',
    `${node}.${poolName}`,
    { node, pool: poolName, addresses: [`${address}/${length}`, ...(second === undefined ? [] : [second])] },
    { zone: 'dal10', addresses, interface: { parent: { name: 'eth0' }, name: 'tmp0', type: 'Macvlan' }, conditions },
    { finalizers, ...(deleting && { deletionTimestamp: SINCE }) },
  );
}

function condition(type: string, reason: string, holds: boolean, message = `${reason} it is`): object {
  return { type, status: holds ? 'True' : 'False', reason, message, lastTransitionTime: SINCE, observedGeneration: 1 };
}

function object(kind: string, name: string, spec: object, status: object, metadata: object = {}): ApiObject {
  return { apiVersion: API, kind, metadata: { name, uid: `uid of ${name}`, resourceVersion: '1', ...metadata }, spec, status };
}
