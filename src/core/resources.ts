import type { Address, Family } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';

/** What the agent wants to be true, as read from one source: the whole world, never one event. */
export interface ResourceSnapshot {
  readonly staticRoutes: readonly StaticRoute[];
  /** Where agents learn from each NodeOverlayIP what they need of its pool there are none. */
  readonly overlayPools: readonly OverlayPool[];
  readonly nodeOverlayIPs: readonly NodeOverlayIP[];
  readonly nodes: readonly NodeResource[];
  /** What the cluster says about itself; absent where nobody says anything. */
  readonly clusterNetwork?: ClusterNetwork;
  /** Objects that name themselves but cannot be used; where a last good version exists it stands among the others. */
  readonly invalid: readonly InvalidResource[];
  /** Documents that say nothing about themselves: broken YAML, an unknown kind. */
  readonly problems: readonly SourceProblem[];
  /** False until the source has delivered everything once: then nothing may be removed. */
  readonly complete: boolean;
  /** Why it is not complete, for people. */
  readonly incompleteReason?: string;
  /** When the source was last read in full, ISO 8601; absent when it never was. */
  readonly asOf?: string;
}

/** Names one object for people and for reports. */
export interface ResourceRef {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** What every object carries besides its spec. `created` orders claims (older first); standalone objects have none. */
export interface Meta {
  readonly ref: ResourceRef;
  readonly uid?: string;
  readonly generation?: number;
  readonly created?: string;
  /** Where it was read, for example `routes.yaml:12`. */
  readonly source?: string;
}

export interface InvalidResource {
  readonly meta: Meta;
  readonly message: string;
  /** Whether an older, good version is still in force. */
  readonly lastGoodInForce: boolean;
}

export interface SourceProblem {
  readonly source: string;
  readonly line?: number;
  readonly message: string;
}

/** A `v1/Node`, as far as planning needs it. */
export interface NodeResource {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly podCIDRs: readonly Prefix[];
  readonly addresses: readonly Address[];
}

/** The cluster's own addresses, which no route may take away from a node. */
export interface ClusterNetwork {
  readonly name: string;
  readonly podRanges: readonly Prefix[];
  readonly serviceRanges: readonly Prefix[];
  readonly nodeAddresses: readonly Address[];
  readonly apiServerEndpoints: readonly Address[];
  readonly dnsAddresses: readonly Address[];
}

/** A Kubernetes label selector. An empty one matches every node. */
export interface LabelSelector {
  readonly matchLabels: ReadonlyMap<string, string>;
  readonly matchExpressions: readonly LabelExpression[];
}

export interface LabelExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** One gateway of `via.gateways`. */
export interface GatewayChoice {
  readonly address: Address;
  readonly device?: string;
  readonly onLink: boolean;
  readonly nodeSelector: LabelSelector;
}

/** How the subnets are reached. `via.gateway` arrives here as `gateways` with one choice. */
export type Via =
  | { readonly type: 'gateways'; readonly choices: readonly GatewayChoice[] }
  | { readonly type: 'discover'; readonly toward: ReadonlyMap<Family, Prefix> }
  | { readonly type: 'overlay'; readonly pool: string }
  | { readonly type: 'device'; readonly device: string }
  | { readonly type: 'unreachable' };

export interface StaticRoute {
  readonly meta: Meta;
  readonly subnets: readonly Prefix[];
  readonly via: Via;
  readonly nodeSelector: LabelSelector;
  readonly metric: number;
  readonly mtu?: number;
  readonly source?: Address;
  readonly onMissingGateway: 'Withdraw' | 'Unreachable';
  readonly reversePath: 'Preserve' | 'Loose';
}

/** A range of addresses of somebody else's network, one of which each selected node gets. */
export interface OverlayPool {
  readonly meta: Meta;
  readonly ipam: ClusterIpam | PhpIpam;
  readonly interface: OverlayInterface;
  readonly nodeSelector: LabelSelector;
  /** How long an address stays a node's after the node is gone or no longer selected. Milliseconds. */
  readonly reclaimDelay: number;
}

export interface ClusterIpam {
  readonly type: 'cluster';
  readonly ranges: readonly OverlayRange[];
}

/** Serves the nodes of its zone; without one, every node whose zone has no range of that family. */
export interface OverlayRange {
  readonly zone?: string;
  readonly subnet: Prefix;
  readonly gateway: Address;
  readonly exclude: readonly Prefix[];
}

/** https://phpipam.net/api-documentation */
export interface PhpIpam {
  readonly type: 'phpIPAM';
  readonly url: string;
  readonly appID: string;
  /** Subnet IDs by zone, the first with a free address counts. `*`: every zone that is not named, and nodes without one. */
  readonly subnetMap: ReadonlyMap<string, readonly number[]>;
  readonly auth: 'UserToken' | 'AppCode' | 'None';
  /** A Secret in the namespace of the controller. */
  readonly credentialsSecret?: string;
  /** PEM. */
  readonly caBundle?: string;
  readonly insecureSkipTLSVerify: boolean;
}

/** The device that carries overlay addresses. */
export interface OverlayInterface {
  readonly parent: OverlayParent;
  /** Of the macvlan device. */
  readonly name: string;
  readonly type: 'Macvlan' | 'Address';
}

/** By name, or the device of the node's route to that prefix. */
export type OverlayParent = { readonly name: string } | { readonly toward: Prefix };

/** The overlay addresses of one node from one pool: at most one for each family. */
export interface NodeOverlayIP {
  readonly meta: Meta;
  readonly node: string;
  readonly pool: string;
  readonly addresses: readonly OverlayAddress[];
  /** What the controller has told of the pool; absent where there is none, and the pool is among the resources. */
  readonly interface?: OverlayInterface;
  /** Whether the addresses may be used: whoever is asked for them has said so, or there is nobody to ask. */
  readonly granted: boolean;
  /** Somebody has deleted it: the addresses are to be taken away. */
  readonly deleting: boolean;
}

/** `192.168.100.4/24` */
export interface OverlayAddress {
  readonly address: Address;
  readonly prefixLength: number;
  readonly gateway?: Address;
}

export const DEFAULT_METRIC = 4201;

/** `StaticRoute on-prem`, `ExternalService shop/db`. */
export function formatRef(ref: ResourceRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}
