import { ApiRefused } from '../lab/kubernetes/api.ts';
import { NAMESPACE, userOf } from './accounts.ts';

/** `accepted`, or the words of the refusal. */
export async function verdict(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'accepted';
  } catch (error) {
    if (error instanceof ApiRefused) return `${error.code} ${error.message.replace(/^.*?: \d+ \w*: /, '')}`;
    throw error;
  }
}

/** By the admission policy of the chart. */
export const denied = (message: string): RegExp =>
  new RegExp(
    `^403 .*ValidatingAdmissionPolicy 'fairlead-agent-own-node' with binding 'fairlead-agent-own-node' denied request: ${message}$`,
  );
/** By a role that lacks it. */
export const forbidden = (words: string): RegExp =>
  new RegExp(`^403 .* is forbidden: User "${userOf(NAMESPACE, 'fairlead-(agent|controller)')}" cannot ${words}`);

export const NOT_FOR = (node: string) => denied(`the agent of node n1 may not write for node ${node}`);
