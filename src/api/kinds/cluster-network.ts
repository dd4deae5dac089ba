import type { ClusterNetwork } from '../../core/resources.ts';
import { envelopeErrors, type Kind } from '../define-kind.ts';
import { failed, type Parsed, read } from '../errors.ts';
import { isObject, readMeta } from '../metadata.ts';
import { addressTexts, prefixTexts } from '../network-fields.ts';
import { typeName } from '../quote.ts';
import { lenientFields, optional } from '../schema.ts';
import { conditionsField } from '../status-fields.ts';

/** The name of the one ClusterNetwork. */
export const CLUSTER_NETWORK = 'cluster';

/** Two families on each of 5000 nodes, and some room. The API server also limits the whole object, to 1.5 MiB. */
const MOST = 16384;

const clusterNetworkStatus = lenientFields(
  { about: 'What no route may cut a node off from. An absent list is one that could not be found out.' },
  {
    podRanges: optional(prefixTexts('Pod ranges of the nodes, adjacent ones joined.', { max: MOST })),
    serviceRanges: optional(prefixTexts('Ranges of cluster IPs.', { max: 256 })),
    nodeAddresses: optional(addressTexts('Internal and external addresses of the nodes.', { max: MOST })),
    apiServerEndpoints: optional(addressTexts('Addresses that the API server listens on.', { max: 256 })),
    dnsAddresses: optional(addressTexts('Cluster IPs of the cluster DNS.', { max: 64 })),
    conditions: optional(conditionsField('Ready, with a reason.')),
  },
);

export const clusterNetworkKind: Kind<undefined, typeof clusterNetworkStatus> = {
  kind: 'ClusterNetwork',
  plural: 'clusternetworks',
  shortName: 'cn',
  scope: 'Cluster',
  onlyName: CLUSTER_NETWORK,
  summary:
    "The cluster's own addresses, which no route may take away from a node. There is one, named `cluster`; the controller writes it.",
  details: `Every agent reads this one object, so that no agent has to watch all nodes. It is written when a range changes, and at most once a minute when only
the addresses of nodes do. Until it exists, agents add and repair routes and remove none. In a folder of manifests it is what you say about the cluster.`,
  example: `apiVersion: fairlead.dev/v1alpha1
kind: ClusterNetwork
metadata:
  name: cluster
status:
  podRanges: [10.244.0.0/16, "fd00:244::/48"]
  serviceRanges: [10.96.0.0/16]
  nodeAddresses: [10.176.162.130, 10.176.162.131]
  apiServerEndpoints: [10.176.162.140]
  dnsAddresses: [10.96.0.10]
`,
  spec: undefined,
  status: () => clusterNetworkStatus,
  columns: [
    { name: 'Pods', type: 'string', jsonPath: '.status.podRanges', description: 'Pod ranges.' },
    { name: 'Services', type: 'string', jsonPath: '.status.serviceRanges', description: 'Ranges of cluster IPs.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
    { name: 'API Server', type: 'string', jsonPath: '.status.apiServerEndpoints', description: 'Its addresses.', wide: true },
    { name: 'DNS', type: 'string', jsonPath: '.status.dnsAddresses', description: 'Its cluster IPs.', wide: true },
  ],
};

/** A ClusterNetwork, perhaps written by a newer controller. Never throws. */
export function parseClusterNetwork(value: unknown, source?: string): Parsed<ClusterNetwork> {
  if (!isObject(value)) return failed('', `must be an object, not ${typeName(value)}`);
  const meta = readMeta(clusterNetworkKind, value, source);
  const status = read(clusterNetworkStatus, value['status'] ?? {}, ['status']);
  const errors = [...envelopeErrors(clusterNetworkKind, value), ...(meta.ok ? [] : meta.errors), ...(status.ok ? [] : status.errors)];
  if (errors.length > 0 || !meta.ok || !status.ok) return { ok: false, errors };
  const { podRanges, serviceRanges, nodeAddresses, apiServerEndpoints, dnsAddresses } = status.value;
  return {
    ok: true,
    value: {
      name: meta.value.ref.name,
      podRanges: podRanges ?? [],
      serviceRanges: serviceRanges ?? [],
      nodeAddresses: nodeAddresses ?? [],
      apiServerEndpoints: apiServerEndpoints ?? [],
      dnsAddresses: dnsAddresses ?? [],
    },
  };
}
