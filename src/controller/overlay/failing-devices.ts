import type { OverlayIPView } from './ip-view.ts';

/** A node that may use its addresses, and does not. */
export interface FailingDevice {
  readonly node: string;
  /** Of its agent. */
  readonly reason: string;
  readonly message: string;
}

/** Whose agents say that they cannot use what is granted, by the uid of the NodeOverlayIP; in an order on which two controllers agree. Pure. */
export function failingDevices(objects: Iterable<OverlayIPView>): ReadonlyMap<string, FailingDevice> {
  const failing = new Map<string, FailingDevice>();
  for (const { uid, node, device, deviceSaid, granted, deleting } of objects) {
    if (device === 'Failing' && deviceSaid && granted && !deleting) failing.set(uid, { node, ...deviceSaid });
  }
  return new Map([...failing].sort(([, a], [, b]) => (a.node < b.node ? -1 : 1)));
}
