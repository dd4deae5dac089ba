import { type About, type Rule, text } from './schema.ts';

/** Hours, minutes and seconds, each at most once: `10m`, `1h30m`, `90s`. So many digits of each that the API server can add them up. */
const DURATION = '^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$';
const WRITTEN = 'such as 90s, 10m or 1h30m';

const IS_DURATION: Rule<string> = {
  message: `must be a duration ${WRITTEN}`,
  cel: {
    rule: `self != '' && self.matches('${DURATION}')`,
    messageExpression:
      `self.matches('^[0-9]{1,4}d$') ? '"%s" is not a duration: write %dh'.format([self, int(self.replace('d', '')) * 24]) : ` +
      `self.matches('^[0-9]{1,9}$') ? '"%s" has no unit: write %ss'.format([self, self]) : ` +
      `'"%s" is not a duration: write it as hours, minutes and seconds, ${WRITTEN}'.format([self])`,
  },
  check: (value) => {
    if (value !== '' && new RegExp(DURATION).test(value)) return undefined;
    if (/^[0-9]{1,4}d$/.test(value)) return `"${value}" is not a duration: write ${Number(value.slice(0, -1)) * 24}h`;
    if (/^[0-9]{1,9}$/.test(value)) return `"${value}" has no unit: write ${value}s`;
    return `${JSON.stringify(value)} is not a duration: write it as hours, minutes and seconds, ${WRITTEN}`;
  },
};

function atMost(hours: number): Rule<string> {
  return {
    message: `must be at most ${hours}h`,
    cel: {
      rule: `self == '' || !self.matches('${DURATION}') || duration(self) <= duration('${hours}h')`,
      messageExpression: `'"%s" is too long: write at most ${hours}h'.format([self])`,
    },
    check: (value) => (milliseconds(value) > hours * 3_600_000 ? `"${value}" is too long: write at most ${hours}h` : undefined),
  };
}

/** A length of time from nothing up to so many hours, as Go and Kubernetes write it. */
export function durationField(about: About, { hours }: { readonly hours: number }) {
  return text(about, { max: 32, rules: [IS_DURATION, atMost(hours)] });
}

/** Of a text that the field has accepted; 0 for any other. */
export function milliseconds(duration: string): number {
  const [, hours = '', minutes = '', seconds = ''] = new RegExp(DURATION).exec(duration) ?? [];
  return (amount(hours) * 3600 + amount(minutes) * 60 + amount(seconds)) * 1000;
}

/** 30 of `30m`, 0 of nothing. */
function amount(part: string): number {
  return Number(part.slice(0, -1));
}
