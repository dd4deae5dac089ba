import * as z from 'zod/mini';
import { InvalidAddress } from '../core/ip/address.ts';
import { didYouMean } from './nearest.ts';
import { tooLong } from './quote.ts';

/**
 * The vocabulary that kinds are written in. Each function gives a zod schema (from which the TypeScript type and the parser
 * come) and notes beside it, in `openapi`, what only a Kubernetes schema or the reference page can use.
 */
export type Schema<Out = unknown, In = unknown> = z.ZodMiniType<Out, In>;

/** A rule in the language of the API server; `self` is the value. https://kubernetes.io/docs/reference/using-api/cel/ */
export interface Cel {
  /** Addresses are compared by `!(a == b)`: what `!=` of them costs cannot be estimated, so it is over the budget. */
  readonly rule: string;
  /** Gives the message from the value, for example with the corrected text in it. Use `format`: concatenation is over the cost budget. */
  readonly messageExpression?: string;
}

/** What a rule demands, for people: the message of the API server and a line of the reference page. */
export interface Demand {
  readonly message: string;
  /** Absent where CEL cannot say it within its cost budget. */
  readonly cel?: Cel;
}

/** One rule, both ways: for the API server, and for an object that never saw one. */
export interface Rule<T> extends Demand {
  /** What is wrong with the value, if anything. */
  readonly check: (value: T) => string | readonly Finding[] | undefined;
}

/** Something wrong inside the value that a rule is about; `path` is relative to that value. */
export interface Finding {
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

interface Notes {
  readonly description: string;
  /** For the reference page: what holds when the field is absent, and the rules. */
  readonly doc?: { readonly default?: string; readonly rules: readonly string[] };
  readonly [keyword: string]: unknown;
}

export const openapi = z.registry<Notes>();

type Shape = Readonly<Record<string, Schema>>;

export interface About {
  readonly about: string;
  /** Words for the reference page, when the default is decided in code. */
  readonly absent?: string;
}

/** An object whose unknown fields are errors: what users write. */
export function fields<S extends Shape>(about: About, shape: S, rules: readonly Rule<z.output<z.ZodMiniObject<S>>>[] = []) {
  const names = Object.keys(shape);
  const schema = z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknownFields(issue.keys, names) : undefined),
  });
  return note(ruled(schema, rules), about, rules);
}

/** An object that may have more fields than we know: what a newer program may write. */
export function lenientFields<S extends Shape>(about: About, shape: S) {
  return note(z.object(shape), about, []);
}

function unknownFields(keys: readonly string[], known: readonly string[]): string {
  return keys.map((key) => `unknown field ${JSON.stringify(key)}${didYouMean(key, known)}`).join('; ');
}

interface ListOptions<T> {
  readonly min?: number;
  readonly max: number;
  /** How server-side apply merges it; `map` by these keys. */
  readonly merge?: 'set' | readonly string[];
  readonly rules?: readonly Rule<T[]>[];
}

export function list<S extends Schema>(about: About, item: S, { min = 0, max, merge, rules = [] }: ListOptions<z.output<S>>) {
  const bounds = [...(min > 0 ? [z.minLength(min)] : []), z.maxLength(max)];
  const schema = ruled(z.array(item).check(...bounds), rules);
  if (merge === undefined) return note(schema, about, rules, { 'x-kubernetes-list-type': 'atomic' });
  if (merge === 'set') return note(schema, about, rules, { 'x-kubernetes-list-type': 'set' });
  return note(schema, about, rules, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': merge });
}

/** A map from texts that somebody chooses to values of one kind. What is wrong with a key is for `rules` to say: the schema cannot. */
export function mapOf<S extends Schema>(
  about: About,
  value: S,
  { max, rules }: { readonly max: number; readonly rules: readonly Rule<Record<string, z.output<S>>>[] },
) {
  const short: Rule<Record<string, z.output<S>>> = {
    message: `at most ${max} entries`,
    check: (map) => {
      const size = Object.keys(map).length;
      return size > max ? `has ${size} entries; at most ${max} are allowed` : undefined;
    },
  };
  return note(ruled(z.record(z.string(), value), [short, ...rules]), about, rules, { maxProperties: max });
}

interface TextOptions {
  readonly min?: number;
  readonly max: number;
  readonly rules?: readonly Rule<string>[];
  readonly format?: string;
  /** For the API server, which answers with it and no word else: for what a rule cannot say within its cost budget. */
  readonly pattern?: string;
}

export function text(about: About, { min = 0, max, rules = [], format, pattern }: TextOptions) {
  const bounds = [...(min > 0 ? [z.minLength(min)] : []), z.maxLength(max)];
  const keywords = { ...(format !== undefined && { format }), ...(pattern !== undefined && { pattern }) };
  return note(ruled(z.string().check(...bounds), rules), about, rules, keywords);
}

export interface ParsedTextOptions<T> {
  readonly max: number;
  /** @throws InvalidAddress, whose message is the user's. Called once per text. */
  readonly parse: (text: string) => T;
  /** What `parse` refuses, told to the API server. */
  readonly demands: readonly Demand[];
  readonly rules: readonly Rule<T>[];
}

/** A text on the wire, a core value (an address, a prefix) once parsed. */
export function parsedText<T>(about: About, options: ParsedTextOptions<T>) {
  const convert = z.transform((value: string, payload): T => convertText(value, options, payload) ?? z.NEVER);
  return note(z.pipe(z.string(), convert), about, [...options.demands, ...options.rules], { maxLength: options.max });
}

interface ParsedTextsOptions<T> {
  readonly min: number;
  readonly max: number;
  readonly merge: 'set' | 'atomic';
  readonly rules: readonly Rule<T[]>[];
}

/**
 * Many such texts. The same as a list of `parsedText`, in a fraction of the time: there may be 100,000 of them.
 * The rules of the list are asked once its members are good. `merge` is how server-side apply merges it.
 */
export function parsedTexts<T>(
  about: About,
  member: About,
  options: ParsedTextOptions<T>,
  { min, max, merge, rules }: ParsedTextsOptions<T>,
) {
  const text = note(z.string(), member, [...options.demands, ...options.rules], { maxLength: options.max });
  const convert = z.transform((values: string[], payload): T[] => {
    const converted: T[] = [];
    for (let i = 0; i < values.length; i++) {
      const value = convertText(values[i] ?? '', options, payload, i);
      if (value !== undefined) converted.push(value);
    }
    if (payload.issues.length === 0) for (const rule of rules) report(payload, rule.check(converted));
    return converted;
  });
  const texts = z.array(text).check(z.minLength(min), z.maxLength(max));
  const schema = z.pipe(passing(texts, isTexts), convert);
  return note(schema, about, rules, { 'x-kubernetes-list-type': merge });
}

/** Has a schema leave values alone of which one look tells that they are right: zod wraps each member of a list in two objects. */
function passing<S extends Schema>(schema: S, isRight: (value: unknown) => boolean): S {
  const { parse } = schema._zod;
  schema._zod.parse = (payload, context) => (isRight(payload.value) ? payload : parse(payload, context));
  return schema;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}

/** Undefined when it is refused; the reason is then among the issues. */
function convertText<T>(
  value: string,
  { max, parse, rules }: ParsedTextOptions<T>,
  payload: z.core.ParsePayload,
  index?: number,
): T | undefined {
  try {
    if (value.length > max) throw new InvalidAddress(tooLong(value, max));
    const parsed = parse(value);
    for (const rule of rules) {
      const found = rule.check(parsed);
      if (found !== undefined) report(payload, found, index);
    }
    return parsed;
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    report(payload, error.message, index);
    return undefined;
  }
}

export function integer(about: About, { min, max }: { readonly min: number; readonly max: number }) {
  const error = ({ code, input }: z.core.$ZodRawIssue) =>
    code === 'too_big' || code === 'too_small' ? `${String(input)} is not between ${min} and ${max}` : undefined;
  const schema = z.int({ error, abort: true }).check(z.minimum(min, { error }), z.maximum(max, { error }));
  return note(schema, about, [], { format: 'int64' });
}

export function choice<const V extends string>(about: About, values: readonly V[]) {
  return note(z.enum(values), about, []);
}

export function integerChoice<const V extends number>(about: About, values: readonly V[]) {
  return note(z.literal(values), about, []);
}

export function flag(about: About) {
  return note(z.boolean(), about, []);
}

export const optional = z.exactOptional;
export const withDefault = z._default;

function note<S extends Schema>(
  schema: S,
  { about, absent }: About,
  rules: readonly Demand[],
  keywords: Readonly<Record<string, unknown>> = {},
): S {
  const validations = rules.flatMap(({ cel, message }) => (cel ? [{ ...cel, message }] : []));
  openapi.add(schema, {
    description: about,
    ...keywords,
    ...(validations.length > 0 && { 'x-kubernetes-validations': validations }),
    doc: { ...(absent !== undefined && { default: absent }), rules: rules.map((rule) => rule.message) },
  });
  return schema;
}

function ruled<S extends Schema>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  if (rules.length === 0) return schema;
  return schema.check((payload) => {
    for (const rule of rules) report(payload, rule.check(payload.value as z.output<S>));
  });
}

function report(payload: z.core.ParsePayload, found: ReturnType<Rule<never>['check']>, index?: number): void {
  if (found === undefined) return;
  const findings = typeof found === 'string' ? [{ message: found, path: [] }] : found;
  const base = index === undefined ? [] : [index];
  for (const { message, path } of findings)
    payload.issues.push({ code: 'custom', message, path: [...base, ...path], input: payload.value });
}

/** Makes something when it is first asked for. A schema takes the better part of a tenth of a millisecond for each of its fields. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
