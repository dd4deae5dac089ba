import type { ResourceRef } from './resources.ts';

/**
 * Everything that a user can cause and fix. `code` becomes the reason of a condition, so the set is closed and documented;
 * the text below is what docs/reference/problems.md says about it.
 */
export const PROBLEM_CODES = {
  InvalidSpec: 'The object is not valid; the message says where and what to write instead. An older, valid version stays in force.',
  NodeLabelsUnknown:
    'The resource selects nodes by label, and the labels of this node are not known. Nothing of it is added or removed until they are.',
  NoSuchPool: 'The resource names an OverlayPool that does not exist.',
  NoOverlayAddress: 'The route leaves by an overlay of which this node has no address.',
  AddressNotGranted: 'The controller has not granted the addresses to this node; what is there stays.',
  AddressInUse: 'Another host on the link answers for the overlay address, so it is not used.',
  KernelTooOld: 'The kernel of the node lacks what the resource needs; the message says from which version on it has it.',
  OverlapsNetwork: 'The overlay range overlaps a network that the node is connected to by another device.',
  OverlayPending: 'The overlay device or address is being made, which takes a second.',
  NoCoveringRoute: 'Discovery found no route of the node that covers the prefix it looks toward.',
  NoGatewayForFamily: 'Some subnets have a family (IPv4 or IPv6) for which no next hop is given or found.',
  GatewayNotOnLink: 'The gateway is not in a network that this node is directly connected to.',
  GatewayIsLocal: 'The gateway is an address of this node itself.',
  GatewayLoop: 'The route would become the path to its own gateway.',
  DeviceMissing: 'The device does not exist on this node. The route is added when it appears.',
  DeviceDown: 'The device exists but is down, or has no carrier where one is needed. It goes on when that is mended.',
  DeviceUnsuitable: 'The device cannot carry the route, or overlay addresses.',
  SourceNotLocal: 'The preferred source address is not an address of this node.',
  ProtectedPath: 'The route would change the path to an address that must stay reachable, so the whole resource is refused.',
  Conflict: 'Something else already holds a route with the same prefix, table and metric, or the device or address that is wanted.',
  Shadowed: 'A foreign route for the same prefix has a better metric, so the kernel uses that one.',
  KernelRefused: 'The kernel refused a change; the message has its words.',
  Contested: 'Something keeps undoing our changes, so repairs are made less often.',
} as const;

export type ProblemCode = keyof typeof PROBLEM_CODES;

/** One thing that is wrong with one resource on one node. The message names the fact and the fix. */
export interface Problem {
  readonly code: ProblemCode;
  readonly subject: ResourceRef;
  readonly message: string;
}
