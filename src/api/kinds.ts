import type { Kind, ManifestKind } from './define-kind.ts';
import { clusterNetworkKind } from './kinds/cluster-network.ts';
import { nodeOverlayIPKind } from './kinds/node-overlay-ip.ts';
import { nodeReportKind } from './kinds/node-report.ts';
import { overlayPoolKind } from './kinds/overlay-pool.ts';
import { staticRouteKind } from './kinds/static-route.ts';

/** Kinds that users write. A new one is a file in `kinds/` and a line here. */
export const MANIFEST_KINDS = [staticRouteKind, overlayPoolKind, nodeOverlayIPKind] as const satisfies readonly ManifestKind<
  string,
  unknown
>[];

/** Kinds that only Fairlead writes. */
const REPORT_KINDS: readonly Kind[] = [nodeReportKind, clusterNetworkKind];

/** Every kind: each has a CRD and a reference page. */
export const KINDS: readonly Kind[] = [...MANIFEST_KINDS.map((entry) => entry.definition), ...REPORT_KINDS];
