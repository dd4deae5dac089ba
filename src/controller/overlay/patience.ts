/**
 * How long an agent may take to answer what it is asked, which takes milliseconds: after that the pool names it, and if its Node is gone it is
 * taken for dead. Milliseconds.
 */
export const ANSWER_MS = 15_000;
/** Attended time may stand still, so nothing is looked at again sooner because of it. Milliseconds. */
export const LEAST_MS = 1_000;

/** One node, as far as it matters whether its agent still runs. */
export interface Witness {
  /** Whether there is a Node of that name. */
  readonly present: boolean;
  /** Whether its agent has been heard of lately; without a Node: whether it may have been, because it has a NodeReport still. */
  readonly heard: boolean;
  /** Whether there is no Node, and its agent has been heard of since that went. */
  readonly astray: boolean;
  /** For how long its NodeOverlayIP has been on its way out; undefined when it is not. Milliseconds. */
  readonly asked: number | undefined;
  /** Whether its agent has answered that the address is not off yet. */
  readonly removing: boolean;
}

/**
 * Whether an address is nobody else's until the agent of its node says that it is out of use. An agent runs on when somebody deletes its Node,
 * and answers; a machine that is no more does not, and is not waited for any longer than that takes. Pure.
 */
export function isAwaited({ present, heard, astray, asked, removing }: Witness): boolean {
  return present || astray || (heard && (removing || asked === undefined || asked < ANSWER_MS));
}
