import { nodeOverlayIPKind } from '../../api/kinds/node-overlay-ip.ts';
import { overlayPoolKind } from '../../api/kinds/overlay-pool.ts';
import { typeOf } from '../../cluster/resource-types.ts';

export const OVERLAY_POOLS = typeOf(overlayPoolKind.definition);
export const NODE_OVERLAY_IPS = typeOf(nodeOverlayIPKind.definition);

/** Keeps a NodeOverlayIP until its addresses are given back, and an OverlayPool until its ledger is empty. */
export const FINALIZER = 'fairlead.dev/release-ip';

/** On a NodeOverlayIP that the controller has made: nobody has asked for just these addresses, so others do as well. */
export const MADE_BY = { label: 'app.kubernetes.io/managed-by', value: 'fairlead-controller' } as const;

/** On a NodeOverlayIP, `true`: what is recorded for its addresses is this node's, and is to be taken over. */
export const ADOPT = 'fairlead.dev/adopt';
