import { DEVICE_READY, GRANTED } from '../api/kinds/node-overlay-ip-status.ts';
import type { OverlayIPView } from './ipam-world.ts';

/** Why the ledger has an address for a node whose NodeOverlayIP names another one. */
interface Waiting {
  readonly why: string;
  readonly fix: string;
}

/** What keeps a node from the addresses that its NodeOverlayIP names, so that it still has an older one; undefined when nothing is known to. */
export function waitingFor({ overlayIP, status }: OverlayIPView): Waiting | undefined {
  const { node, addresses, granted, deleting, meta } = overlayIP;
  const { name } = meta.ref;
  const texts = addresses.map(({ address }) => address).join(' and ');
  const said = (wanted: string) => status.conditions?.find(({ type }) => type === wanted);
  const ready = said(GRANTED);
  if (deleting || ready === undefined) return undefined;
  if (!granted) {
    return {
      why: `NodeOverlayIP ${name} asks for ${texts} and does not get it: ${ready.reason}: ${ready.message}`,
      fix: `"kubectl delete nodeoverlayip ${name}" makes this the address of node ${node} again`,
    };
  }
  const device = said(DEVICE_READY);
  if (device?.status === 'True') return undefined;
  return {
    why: `${texts} of NodeOverlayIP ${name} is not in place there: ${device ? `${device.reason}: ${device.message}` : 'its agent has not answered'}`,
    fix: 'it is given back once that is in place',
  };
}
