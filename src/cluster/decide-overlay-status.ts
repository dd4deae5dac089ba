import { isDeepStrictEqual } from 'node:util';
import { DEVICE_READY, type NodeOverlayIPStatus, parseNodeOverlayIPStatus } from '../api/kinds/node-overlay-ip-status.ts';
import type { Condition } from '../api/kinds/node-report.ts';
import type { OverlayReport } from './cluster.ts';

/** What of the status of a NodeOverlayIP is its agent's. */
export type AgentPart = Pick<NodeOverlayIPStatus, 'device'> & { readonly conditions: readonly Condition[] };

/** The agent's part as it is to be; undefined when it is so already. A condition holds since its status turned, whatever its words. */
export function decideOverlayStatus(status: unknown, { device, deviceReady }: OverlayReport, now: Date): AgentPart | undefined {
  const before = agentPart(status);
  const [known] = before.conditions;
  const since = known?.status === deviceReady.status ? known.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
  const { status: holds, reason, message } = deviceReady;
  const condition: Condition = { type: DEVICE_READY, status: holds, reason, message, lastTransitionTime: since };
  const next: AgentPart = { ...(device && { device }), conditions: [condition] };
  return isDeepStrictEqual(before, next) ? undefined : next;
}

/** Of a status that cannot be read: nothing. */
function agentPart(status: unknown): AgentPart {
  const parsed = parseNodeOverlayIPStatus(status);
  const { device, conditions = [] } = parsed.ok ? parsed.value : {};
  return { ...(device && { device }), conditions: conditions.filter(({ type }) => type === DEVICE_READY) };
}
