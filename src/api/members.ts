import type { Rule } from './schema.ts';

/** Of these members of an object, exactly one is to be given. */
export function exactlyOne(first: string, second: string): Rule<object> {
  const none = `write one of ${first}, ${second}`;
  const both = `has ${first} and ${second}: write only one of them`;
  return {
    message: `write exactly one of ${first}, ${second}`,
    cel: { rule: `has(self.${first}) != has(self.${second})`, messageExpression: `has(self.${first}) ? '${both}' : '${none}'` },
    check: (object) => {
      const given = [first, second].filter((name) => name in object);
      if (given.length === 1) return undefined;
      return given.length === 0 ? none : both;
    },
  };
}
