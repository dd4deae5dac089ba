import type { ApiError, ResourceType } from '../api-client.ts';
import { installFix, olderDefinition } from '../api-trouble.ts';

/** What mends it, where that depends on what was to be written. */
export interface WriteAdvice {
  /** The rights: completes "grant". */
  readonly grant: string;
  /** What makes it smaller. */
  readonly shrink?: string;
}

/** Why an agent could not write something, with the fix, as far as the status tells what is wrong. */
export function writeTrouble(error: ApiError, type: ResourceType, { grant, shrink }: WriteAdvice): string {
  const { message, status } = error;
  if (status === 403 && message.includes('ValidatingAdmissionPolicy')) {
    return `${message}; give the agent a token that is bound to a pod on this node, and see whether --node is right`;
  }
  if (status === 403) return `${message}; grant ${grant}`;
  if (status === 404) return `${message}; ${type.kind} is not installed: ${installFix(type)}`;
  if (shrink !== undefined && (status === 413 || /too (large|long|big)/i.test(message))) {
    return `${message}; it is too large for the API server: ${shrink}`;
  }
  const older = olderDefinition(error, type);
  // What does not fit the schema of a definition is refused as 500 by whatever merges it.
  const unfit = [400, 422].includes(status) || message.includes('typed patch object');
  if (older === '' && unfit) return `${message}; the CRDs may be of another version than this agent: ${installFix(type)}`;
  return `${message}${older}`;
}
