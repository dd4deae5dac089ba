import type * as z from 'zod/mini';
import type { Meta } from '../core/resources.ts';
import { type FieldError, failed, type Parsed, read } from './errors.ts';
import { isObject, type JsonObject, readMeta } from './metadata.ts';
import { didYouMean } from './nearest.ts';
import { quote, typeName } from './quote.ts';
import type { Demand, Rule, Schema } from './schema.ts';

export const GROUP = 'fairlead.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** A column of `kubectl get`. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#additional-printer-columns */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Shown by `-o wide` only. */
  readonly wide?: boolean;
}

/**
 * Everything about a kind. The CRD, the reference page, the TypeScript type and the parser are made from this value.
 * `spec` is undefined for a kind that only reports.
 */
export interface Kind<Spec extends Schema | undefined = Schema | undefined, Status extends Schema = Schema> {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly scope: 'Cluster' | 'Namespaced';
  /** What an object must be beyond its spec, such as its name. A parser has its own check of each. */
  readonly demands?: readonly Demand[];
  /** Paths of texts by which the API server selects objects, besides name and namespace: `spec.node`. Since Kubernetes 1.31. */
  readonly selectableFields?: readonly string[];
  /** The only name that an object of this kind may have, where there is just one object. */
  readonly onlyName?: string;
  /** Markdown: what it is for, in a sentence or two. */
  readonly summary: string;
  /** Markdown: what else a user must know. */
  readonly details: string;
  /** A whole object in YAML. */
  readonly example: string;
  readonly spec: Spec;
  /** Made when it is asked for: an agent reads the spec of each kind, and the status of few. */
  readonly status: () => Status;
  readonly columns: readonly Column[];
}

/** A kind that can stand among manifests. */
export interface ManifestKind<Type extends string, Value> {
  readonly definition: Kind;
  readonly type: Type;
  readonly parse: (value: unknown, source?: string) => Parsed<Value>;
  /** The same, as a document of its type. */
  readonly read: (value: unknown, source?: string) => Parsed<{ readonly type: Type; readonly value: Value }>;
  /** Which of its objects the agent of a node watches: every one, those whose `spec.node` is that node, or none. */
  readonly watched: 'every' | 'own' | 'none';
  /** What else of an object an agent acts on, besides its spec. */
  readonly essence?: Essence;
}

/** What somebody has decided about an object, and agents carry out. Whatever is not in it is no news to them. */
export interface Essence {
  /** They act as soon as it is deleted, though a finalizer keeps it. */
  readonly deletion: boolean;
  readonly status: (status: JsonObject) => JsonObject;
}

export function manifestKind<const Type extends string, Value>(given: Omit<ManifestKind<Type, Value>, 'read'>): ManifestKind<Type, Value> {
  const read = (value: unknown, source?: string): ReturnType<ManifestKind<Type, Value>['read']> => {
    const parsed = given.parse(value, source);
    return parsed.ok ? { ok: true, value: { type: given.type, value: parsed.value } } : parsed;
  };
  return { ...given, read };
}

export interface ReadObject<Spec extends Schema> {
  readonly meta: Meta;
  readonly spec: z.output<Spec>;
}

/** Reads metadata and spec of an object of a kind. Its status is somebody's answer and not looked at. Never throws. */
export function readObject<Spec extends Schema>(kind: Kind<Spec>, value: unknown, source?: string): Parsed<ReadObject<Spec>> {
  if (!isObject(value)) return failed('', `must be an object, not ${typeName(value)}`);
  const meta = readMeta(kind, value, source);
  const spec = read(kind.spec, value['spec'], ['spec']);
  const errors = [...envelopeErrors(kind, value), ...(meta.ok ? [] : meta.errors), ...(spec.ok ? [] : spec.errors)];
  if (errors.length > 0 || !meta.ok || !spec.ok) return { ok: false, errors };
  return { ok: true, value: { meta: meta.value, spec: spec.value } };
}

/** What rules say about a value at a path. */
export function ruleErrors<T>(path: string, rules: readonly Rule<T>[], value: T): readonly FieldError[] {
  return rules.flatMap((rule) => {
    const found = rule.check(value);
    if (found === undefined) return [];
    return typeof found === 'string' ? [{ path, message: found }] : found.map(({ message }) => ({ path, message }));
  });
}

const TOP_LEVEL = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** What is wrong with an object outside metadata, spec and status. */
export function envelopeErrors(kind: Kind, object: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (object['apiVersion'] !== API_VERSION) {
    errors.push({ path: 'apiVersion', message: `must be ${API_VERSION}, not ${quote(object['apiVersion'])}` });
  }
  if (object['kind'] !== kind.kind) errors.push({ path: 'kind', message: `must be ${kind.kind}, not ${quote(object['kind'])}` });
  const name = isObject(object['metadata']) ? object['metadata']['name'] : undefined;
  if (kind.onlyName !== undefined && name !== kind.onlyName) errors.push({ path: 'metadata.name', message: `must be ${kind.onlyName}` });
  for (const key of Object.keys(object)) {
    if (!TOP_LEVEL.includes(key)) errors.push({ path: '', message: `unknown field ${quote(key)}${didYouMean(key, TOP_LEVEL)}` });
  }
  return errors;
}
