import type * as z from 'zod/mini';
import type { Meta } from '../core/resources.ts';
import { type FieldError, failed, type Parsed, read } from './errors.ts';
import { isObject, type JsonObject, readMeta } from './metadata.ts';
import { didYouMean } from './nearest.ts';
import { quote, typeName } from './quote.ts';
import type { Schema } from './schema.ts';

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
  /** The only name that an object of this kind may have, where there is just one object. */
  readonly onlyName?: string;
  /** Markdown: what it is for, in a sentence or two. */
  readonly summary: string;
  /** Markdown: what else a user must know. */
  readonly details: string;
  /** A whole object in YAML. */
  readonly example: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly Column[];
}

/** A kind that can stand among manifests: `type` and the value become a `ParsedDocument`. */
export interface ManifestKind<Type extends string, Value> {
  readonly definition: Kind;
  readonly type: Type;
  readonly parse: (value: unknown, source?: string) => Parsed<Value>;
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
