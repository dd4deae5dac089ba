const QUOTED = 64;

/** A value as a message quotes it: on one line, and short; lists and objects by name only. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clip(value, QUOTED));
  return typeof value === 'object' ? typeName(value) : String(value);
}

export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** `a list`, `the number 5`, ...: what somebody wrote. */
export function typeName(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'nothing' : `the ${typeof value === 'string' ? 'text' : typeof value} ${quote(value)}`;
}

/** `a list`, `a text`: without a word of what is in it. A file that is no manifest may hold a secret. */
export function shapeName(value: unknown): string {
  return typeof value === 'object' ? typeName(value) : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}

export function tooLong(value: unknown, maximum: number): string {
  return `${quote(value)} is longer than ${maximum} characters`;
}
