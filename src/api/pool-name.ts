import { type About, type Rule, text } from './schema.ts';

/** Longest name of an OverlayPool: it is the last label of the names of its NodeOverlayIPs. */
const POOL_NAME_LENGTH = 63;

const POOL_NAME: Rule<string> = {
  message: 'must be the name of an OverlayPool: lower case letters, digits and "-"',
  cel: { rule: "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')" },
  check: (name) => {
    if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
    return `${JSON.stringify(name)} is not the name of an OverlayPool: lower case letters, digits and "-"`;
  },
};

/** A reference to an OverlayPool. */
export function poolNameField(about: About) {
  return text(about, { min: 1, max: POOL_NAME_LENGTH, rules: [POOL_NAME] });
}

/** What an OverlayPool itself may be called; the API server sees to the rest. */
export const POOL_NAMED: Rule<string> = {
  message: `metadata.name must have no "." and at most ${POOL_NAME_LENGTH} characters`,
  cel: {
    rule: `self.metadata.name.size() <= ${POOL_NAME_LENGTH} && !self.metadata.name.contains('.')`,
    messageExpression:
      `self.metadata.name.contains('.') ? 'metadata.name must have no ".": write %s'.format([self.metadata.name.replace('.', '-')]) : ` +
      `'metadata.name must have at most ${POOL_NAME_LENGTH} characters, not %d'.format([self.metadata.name.size()])`,
  },
  check: (name) => {
    if (name.includes('.')) return `must have no ".": write ${name.replaceAll('.', '-')}`;
    return name.length > POOL_NAME_LENGTH ? `must have at most ${POOL_NAME_LENGTH} characters, not ${name.length}` : undefined;
  },
};
