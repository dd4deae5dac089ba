import { LABEL_VALUE } from './label-fields.ts';
import { type About, type Rule, text } from './schema.ts';

const LONGEST = 63;
const EMPTY = 'is empty: write a value of the label topology.kubernetes.io/zone, or leave it away';

/** What is wrong with a zone; undefined when nothing is. */
export function zoneFault(zone: string): string | undefined {
  if (new RegExp(LABEL_VALUE).test(zone)) return undefined;
  return zone === '' ? EMPTY : `${JSON.stringify(zone)} is not a zone: the label topology.kubernetes.io/zone cannot have that value`;
}

const ZONE: Rule<string> = {
  message: 'must be a value that the label topology.kubernetes.io/zone can have',
  cel: {
    rule: `self.matches('${LABEL_VALUE}')`,
    messageExpression: `self == '' ? '${EMPTY}' : '"%s" is not a zone: the label topology.kubernetes.io/zone cannot have that value'.format([self])`,
  },
  // The longest text is a limit of its own.
  check: (zone) => (zone.length > LONGEST ? undefined : zoneFault(zone)),
};

/** A zone of nodes, as their label names it. */
export function zoneField(about: About) {
  return text(about, { max: LONGEST, rules: [ZONE] });
}
