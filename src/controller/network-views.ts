import { clusterNetworkKind } from '../api/kinds/cluster-network.ts';
import type { ApiObject, ResourceType, Selection } from '../cluster/api-client.ts';
import { typeOf } from '../cluster/resource-types.ts';
import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { NetworkCondition, NetworkLists } from './decide-cluster-network.ts';
import { parsed, type View, view } from './views.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from './wire.ts';

export const CLUSTER_NETWORKS = typeOf(clusterNetworkKind);

/** https://kubernetes.io/docs/reference/kubernetes-api/networking-resources/service-cidr-v1/ (1.33 and later) */
export const SERVICE_CIDRS: ResourceType = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
};

export const ENDPOINT_SLICES: ResourceType = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
/** Where API servers list themselves. */
export const API_SERVER_SLICES: Selection = { namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' };

export const SERVICES: ResourceType = { apiVersion: 'v1', kind: 'Service', plural: 'services', namespaced: true };
/** Every DNS add-on keeps this label, whatever it is called. */
export const DNS_SERVICES: Selection = { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' };

/** What is written in the ClusterNetwork. */
export interface NetworkView extends View {
  readonly lists: NetworkLists;
  readonly condition: NetworkCondition | undefined;
}

export interface Ranges extends View {
  readonly ranges: readonly Prefix[];
}

export interface Addresses extends View {
  readonly addresses: readonly Address[];
}

export function networkView(object: ApiObject): NetworkView {
  const status = fieldsOf(object['status']);
  const lists = ['podRanges', 'serviceRanges', 'nodeAddresses', 'apiServerEndpoints', 'dnsAddresses'] as const;
  const ready = listOf(status['conditions'])
    .map(fieldsOf)
    .find(({ type }) => type === 'Ready');
  return {
    ...view(object),
    lists: Object.fromEntries(lists.flatMap((list) => (Array.isArray(status[list]) ? [[list, textsOf(status[list])]] : []))),
    condition: ready && conditionOf(ready),
  };
}

function conditionOf({ status, reason, message, lastTransitionTime }: Fields): NetworkCondition | undefined {
  if (typeof lastTransitionTime !== 'string') return undefined;
  return {
    type: 'Ready',
    status: status === 'True' ? 'True' : 'False',
    reason: textOf(reason) ?? '',
    message: textOf(message) ?? '',
    lastTransitionTime,
  };
}

export function serviceRanges(object: ApiObject): Ranges {
  return { ...view(object), ranges: parsed(textsOf(fieldsOf(object['spec'])['cidrs']), Prefix.parse) };
}

export function sliceAddresses(object: ApiObject): Addresses {
  const endpoints = listOf(object['endpoints']).map(fieldsOf);
  const addresses = endpoints.flatMap((endpoint) => textsOf(endpoint['addresses']));
  return { ...view(object), addresses: parsed(addresses, Address.parse) };
}

/** A headless Service has none: `None` is no address. */
export function clusterIPs(object: ApiObject): Addresses {
  return { ...view(object), addresses: parsed(textsOf(fieldsOf(object['spec'])['clusterIPs']), Address.parse) };
}
