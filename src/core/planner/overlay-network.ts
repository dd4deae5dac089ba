import type { InterfaceAddress } from '../facts.ts';
import { WIDTH } from '../ip/address.ts';
import { Prefix } from '../ip/prefix.ts';
import { formatRoute } from '../render.ts';
import type { OverlayAddress } from '../resources.ts';
import { type DeviceRef, PROTOCOL_KERNEL, type Route, TABLE_MAIN } from '../route.ts';
import type { Fault } from './next-hop.ts';
import type { OverlayWorld } from './overlay-address.ts';
import type { Place } from './overlay-device.ts';

/** IP6_RT_PRIO_ADDRCONF (include/net/ip6_route.h). */
const METRIC_V6 = 256;

/** The route that the kernel makes for the network of an address. */
export function connectedRoute({ address, prefixLength }: OverlayAddress, device: DeviceRef): Route {
  return {
    prefix: Prefix.of(address, prefixLength),
    spec: { table: TABLE_MAIN, metric: 0, protocol: PROTOCOL_KERNEL, type: 'unicast', hops: [{ device, onLink: false }] },
  };
}

/** What is wrong with the way to the network of an address: the route to make again, or why it cannot be made. */
export interface NetworkLoss {
  readonly network?: Route;
  readonly fault?: Fault;
}

/**
 * The kernel makes that route with the address, and never again when somebody deletes it. Nothing is lost while any route leads there by the
 * same device: on a parent the network is mostly there already, and programs that manage addresses make such routes themselves.
 */
export function networkLoss(held: InterfaceAddress, place: Place, { around: { facts, fib }, node }: OverlayWorld): NetworkLoss {
  const { address, prefixLength, device, state } = held;
  if (!place.isUp || state !== 'valid' || prefixLength === WIDTH[address.family]) return {};
  const prefix = Prefix.of(address, prefixLength);
  const present = fib.exact(TABLE_MAIN, prefix);
  // The route of an older address in the network serves ours too, and is that one's: made by us, it would name ours as the source of the node.
  if (facts.addresses.some((other) => !other.ours && other.device.index === device.index && isIn(other, prefix))) return {};
  if (present.some(({ spec }) => spec.hops.some((hop) => hop.device?.index === device.index && !hop.gateway))) return {};
  const { spec } = connectedRoute(held, device);
  const metric = address.family === 6 ? METRIC_V6 : 0;
  const rival = present.find((other) => other.spec.metric === metric);
  if (!rival) return { network: { prefix, spec: { ...spec, metric, ...(address.family === 4 && { source: address }) } } };
  const text = formatRoute(rival);
  const what = `the network of ${address}/${prefixLength} on ${place.name}`;
  const family = address.family === 6 ? '-6 ' : '';
  const message = `node ${node.name} has the route "${text}" in place of the one to ${what}, so its gateway may not be reached: delete it ("ip ${family}route delete ${text}")`;
  return { fault: { code: 'Conflict', message } };
}

function isIn({ address, prefixLength }: InterfaceAddress, prefix: Prefix): boolean {
  return prefixLength === prefix.length && prefix.has(address);
}
