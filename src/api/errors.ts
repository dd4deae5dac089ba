import * as z from 'zod/mini';
import { didYouMean } from './nearest.ts';
import { clip, quote, tooLong, typeName } from './quote.ts';
import type { Schema } from './schema.ts';

/** One thing that is wrong in an object. `path` as a person writes it: `spec.subnets[3]`; empty for the object as a whole. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** What reading an object gives: a value, or everything that is wrong with it. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errors: readonly FieldError[] };

export type Path = readonly PropertyKey[];

const SHOWN = 5;
const LINE = 300;

export function failed(path: string, message: string): { readonly ok: false; readonly errors: readonly FieldError[] } {
  return { ok: false, errors: [{ path, message }] };
}

/** One line per error, the first five only, each at most 300 characters. */
export function formatErrors(errors: readonly FieldError[]): string {
  const lines = errors.slice(0, SHOWN).map(({ path, message }) => clip(path === '' ? message : `${path}: ${message}`, LINE));
  const rest = errors.length - lines.length;
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}

/** Reads a value with a schema; `base` is the path of the value in its object. */
export function read<S extends Schema>(schema: S, value: unknown, base: Path = []): Parsed<z.output<S>> {
  const result = z.safeParse(schema, value, { error: messageOf });
  if (result.success) return { ok: true, value: result.data };
  const { issues } = result.error;
  // Of what has the wrong type nothing else is worth a word: a text is no list that is too long.
  const mistaken = new Set(issues.flatMap(({ code, path }) => (code === 'invalid_type' ? [formatPath(path)] : [])));
  const worthy = issues.filter(({ code, path }) => code === 'invalid_type' || !mistaken.has(formatPath(path)));
  return { ok: false, errors: worthy.map(({ path, message }) => ({ path: formatPath([...base, ...path]), message })) };
}

/** `spec.gateways[0].nodeSelector.matchLabels["a/b"]` */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_]\w*$/.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`;
    else text += `[${quote(key)}]`;
  }
  return text;
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** Words for what zod found, in the second half of a sentence that begins with the path. */
function messageOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.input) + (issue.input === null && takesEmpty(issue.inst) ? ': write {}' : '');
    case 'too_small':
      return issue.origin === 'string' ? 'is empty' : 'has no entry';
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum), issue.input);
    case 'invalid_value':
      return `${quote(issue.input)} is not one of ${issue.values.map(String).join(', ')}${didYouMean(String(issue.input), issue.values.map(String))}`;
    default:
      return 'is not valid';
  }
}

function wrongType(expected: string, input: unknown): string {
  if (input === undefined) return 'is missing';
  const scalar = typeof input === 'number' || typeof input === 'boolean';
  const hint = expected === 'string' && scalar ? `: write "${input}" in quotes` : '';
  return `must be ${EXPECTED[expected] ?? expected}, not ${typeName(input)}${hint}`;
}

/** `unreachable:` with nothing behind it is null, and `unreachable: {}` was meant. */
function takesEmpty(schema: unknown): boolean {
  return schema instanceof z.ZodMiniType && z.safeParse(schema, {}).success;
}

function tooBig(origin: string, maximum: number, input: unknown): string {
  if (origin === 'array') return `has ${Array.isArray(input) ? input.length : 'too many'} entries; at most ${maximum} are allowed`;
  return tooLong(input, maximum);
}
