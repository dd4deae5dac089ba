import type { ApiObject, ResourceType } from '../../../src/cluster/api-client.ts';
import { Prefix } from '../../../src/core/ip/prefix.ts';

const API = { apiVersion: 'fairlead.dev/v1alpha1', namespaced: false };
export const STATIC_ROUTE: ResourceType = { ...API, kind: 'StaticRoute', plural: 'staticroutes' };
export const NODE_OVERLAY_IP: ResourceType = { ...API, kind: 'NodeOverlayIP', plural: 'nodeoverlayips' };
export const STATIC_ROUTES = '/apis/fairlead.dev/v1alpha1/staticroutes';
/** Both on the private network of the fleet. */
export const GATEWAY = '10.1.0.1';
export const OTHER_GATEWAY = '10.1.0.2';
/** 100.64.0.0 */
const FIRST_DESTINATION = 0x64400000;

export function nameOf(index: number): string {
  return `bench-${String(index).padStart(4, '0')}`;
}

/** The address that StaticRoute number `index` is about, as a number. */
export function destinationOf(index: number): number {
  return FIRST_DESTINATION + index;
}

export function staticRoute(index: number, gateway = GATEWAY): object {
  const subnets = [Prefix.fromBits(4, BigInt(destinationOf(index)), 32).text];
  const metadata = { name: nameOf(index) };
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata, spec: { subnets, via: { gateway } } };
}

/** What a StaticRoute says of itself, as far as it is read here. */
interface Told {
  readonly observedGeneration?: number;
  readonly nodes?: { readonly selected: number; readonly ready: number };
}

/** Whether a StaticRoute says, of this generation, that it is on so many nodes and ready on all of them. */
export function saysReady(nodes: number, generation = 1): (object: ApiObject) => boolean {
  return ({ status }) => {
    const told = (status ?? {}) as Told;
    return told.observedGeneration === generation && told.nodes?.ready === nodes && told.nodes.selected === nodes;
  };
}
