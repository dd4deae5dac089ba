import { type Fields, fieldsOf, listOf, numberOf, textOf } from '../wire.ts';

/** https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties */
export interface OverlayCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** What is to be said, without the time. */
export type Said = Omit<OverlayCondition, 'lastTransitionTime'>;

/** The condition of a type in a status; undefined when it is not there, or not whole. */
export function conditionIn(status: unknown, type: string): OverlayCondition | undefined {
  const found = conditionsOf(status).find((condition) => condition['type'] === type);
  const lastTransitionTime = textOf(found?.['lastTransitionTime']);
  if (!found || lastTransitionTime === undefined) return undefined;
  return {
    type,
    status: found['status'] === 'True' ? 'True' : 'False',
    reason: textOf(found['reason']) ?? '',
    message: textOf(found['message']) ?? '',
    lastTransitionTime,
    observedGeneration: numberOf(found['observedGeneration']) ?? 0,
  };
}

export function conditionsOf(status: unknown): readonly Fields[] {
  return listOf(fieldsOf(status)['conditions']).map(fieldsOf);
}

/** With the time since when it is so. */
export function condition(said: Said, before: OverlayCondition | undefined, date: Date): OverlayCondition {
  const { type, status, reason, message, observedGeneration } = said;
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : date.toISOString();
  return { type, status, reason, message: message.slice(0, MESSAGE_LENGTH), lastTransitionTime, observedGeneration };
}

/** Characters of a message. The API server would take more, but nobody reads it. */
const MESSAGE_LENGTH = 8192;
