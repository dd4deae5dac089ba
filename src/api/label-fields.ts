import { quote } from './quote.ts';
import { type About, type Finding, mapOf, type Rule, text } from './schema.ts';

const NAME = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** What a label can have as its value, unless that is empty. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
export const LABEL_VALUE = `^${NAME}$`;
const LABEL_KEY = `^(${DNS_LABEL}([.]${DNS_LABEL})*/)?${NAME}$`;

/** A DNS name of up to 253 characters, a slash, and a name of 63. */
const LONGEST_PREFIX = 253;
const LONGEST_KEY = LONGEST_PREFIX + 64;
const LONGEST_VALUE = 63;

const NAME_WORDS = 'at most 63 letters, digits, "-", "_" and ".", the first and the last of them a letter or digit';
const KEY_WORDS = `is the key of no label: write ${NAME_WORDS}, where need be behind a DNS name and "/": example.org/site`;
const VALUE_WORDS = `is the value of no label: write ${NAME_WORDS}`;

function keyFault(key: string): string | undefined {
  const good = new RegExp(LABEL_KEY).test(key) && key.indexOf('/') <= LONGEST_PREFIX;
  return good ? undefined : `${quote(key)} ${KEY_WORDS}`;
}

const KEY: Rule<string> = {
  message: 'must be a key that a label can have',
  cel: {
    rule: `self.matches('${LABEL_KEY}') && self.indexOf('/') <= ${LONGEST_PREFIX}`,
    messageExpression: `'"%s" ${KEY_WORDS}'.format([self])`,
  },
  // The shortest and the longest text are limits of their own.
  check: (key) => (key === '' || key.length > LONGEST_KEY ? undefined : keyFault(key)),
};

const VALUE: Rule<string> = {
  message: 'must be a value that a label can have',
  check: (value) =>
    value === '' || value.length > LONGEST_VALUE || new RegExp(LABEL_VALUE).test(value) ? undefined : `${quote(value)} ${VALUE_WORDS}`,
};

/** The same, where there are few enough values for the cost budget. */
const VALUE_OF_KEY: Rule<string> = {
  ...VALUE,
  cel: {
    rule: `self == '' || self.matches('${LABEL_VALUE}')`,
    messageExpression: `'"%s" ${VALUE_WORDS}'.format([self])`,
  },
};

const NO_KEYS = `self.filter(k, !k.matches('${LABEL_KEY}') || k.indexOf('/') > ${LONGEST_PREFIX})`;

const KEYS: Rule<Record<string, string>> = {
  message: 'each key must be one that a label can have',
  cel: { rule: `${NO_KEYS}.size() == 0`, messageExpression: `'%s ${KEY_WORDS}'.format([${NO_KEYS}])` },
  check: (labels) =>
    Object.keys(labels).flatMap((key): readonly Finding[] => {
      const fault = keyFault(key);
      return fault === undefined ? [] : [{ message: fault, path: [] }];
    }),
};

/** The key of a label. */
export function labelKeyField(about: About) {
  return text(about, { min: 1, max: LONGEST_KEY, rules: [KEY] });
}

/** One of the values of a label that will do. It may be empty. */
export function labelValueField(about: About) {
  return text(about, { max: LONGEST_VALUE, rules: [VALUE], pattern: `^(${NAME})?$` });
}

/** Labels: values by key. */
export function labelsField(about: About, { max }: { readonly max: number }) {
  const value = text({ about: 'The value of that label.' }, { max: LONGEST_VALUE, rules: [VALUE_OF_KEY] });
  return mapOf(about, value, { max, rules: [KEYS] });
}
