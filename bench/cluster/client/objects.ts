import { Prefix } from '../../../src/core/ip/prefix.ts';

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
