import { choice, integer, lenientFields, list, optional, type Rule, text } from './schema.ts';

/** Largest whole number that JSON carries exactly everywhere. */
export const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;
/** As the API server limits the message of a condition. */
export const MESSAGE_LENGTH = 32768;
export const NAME_LENGTH = 253;

/** RFC 3339, as far as a pattern can tell; the API server knows the format too and asks the calendar. */
const TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

const RFC3339: Rule<string> = {
  message: 'must be a time such as 2027-01-31T12:00:00Z',
  check: (value) => (TIME.test(value) ? undefined : `${JSON.stringify(value)} is not a time: write it as 2027-01-31T12:00:00Z`),
};

/** A moment, RFC 3339. */
export function timeField(about: string) {
  return text({ about }, { max: 64, format: 'date-time', rules: [RFC3339] });
}

export function nameField(about: string) {
  return text({ about }, { max: NAME_LENGTH });
}

export function messageField(about: string) {
  return text({ about }, { max: MESSAGE_LENGTH });
}

/** https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties */
export function conditionsField(about: string) {
  const condition = lenientFields(
    { about: 'One aspect of the state.' },
    {
      type: text({ about: 'Which aspect, for example Ready.' }, { min: 1, max: 316 }),
      status: choice({ about: 'Whether it holds.' }, ['True', 'False', 'Unknown']),
      reason: text({ about: 'One word for programs.' }, { min: 1, max: 1024 }),
      message: messageField('What a person can act on.'),
      lastTransitionTime: timeField('When `status` last changed.'),
      observedGeneration: optional(integer({ about: 'The generation of the object that this is about.' }, COUNT)),
    },
  );
  return list({ about }, condition, { max: 16, merge: ['type'] });
}
