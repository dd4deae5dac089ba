import type { Address } from '../../core/ip/address.ts';
import { agentAgrees, type Step } from './decide-step.ts';
import type { OverlayIPView } from './ip-view.ts';

/** The word of an agent that is waited for. */
export interface AgentWait {
  readonly node: string;
  /** That are nobody else's meanwhile. */
  readonly addresses: readonly Address[];
  /** Whether there is a Node of that name. */
  readonly present: boolean;
  /** Whether the node is to have an address of this pool, and has none meanwhile. */
  readonly unserved: boolean;
  /** What its agent says instead; undefined when it says nothing. */
  readonly words: string | undefined;
}

export interface WaitingNode {
  readonly node: string;
  readonly object: OverlayIPView | undefined;
  readonly present: boolean;
  readonly selected: boolean;
  readonly heard: boolean;
  readonly awaited: boolean;
  /** What was waited for before. */
  readonly before: AgentWait | undefined;
}

/** Whose word a step waits for; undefined when it waits for nobody's. Pure. */
export function agentWait(step: Step, waiting: WaitingNode): AgentWait | undefined {
  const { node, object, present, selected, heard, before } = waiting;
  if (isAskedAgain(step, waiting)) return before;
  if (step.type !== 'wait') return undefined;
  return {
    node,
    addresses: step.addresses,
    present,
    unserved: selected && (object === undefined || object.deleting || !object.granted),
    words: heard && object?.device === 'Failing' ? object.deviceSaid?.message : undefined,
  };
}

/** Its NodeOverlayIP goes, or comes to be deleted once more; its agent has said nothing new. */
function isAskedAgain(step: Step, { object, awaited }: WaitingNode): boolean {
  if (step.type === 'release') return awaited && !(object && agentAgrees(object, step.entries));
  return step.type === 'let-go';
}

/** `192.168.100.3 of node n2`. */
export function named({ addresses, node }: AgentWait): string {
  return `${addresses.join(' and ')} of node ${node}`;
}

/** What to do when an agent says nothing. */
export function mendSilence({ node, present }: AgentWait): string {
  if (!present) return `Node ${node} was deleted, and its agent runs on: end it there`;
  return `see why the agent of node ${node} is silent, or, when that node is gone for good, kubectl delete node ${node}`;
}
