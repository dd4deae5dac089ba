import type { Meta } from '../core/resources.ts';
import { type FieldError, failed, type Parsed } from './errors.ts';
import { quote, typeName } from './quote.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_LENGTH = 253;

/** What kind an object is, as far as its metadata depends on it. */
export interface Scoped {
  readonly kind: string;
  readonly scope: 'Cluster' | 'Namespaced';
}

/** The metadata of an object. `name` is the only thing that must be there; what the API server adds is taken when it is. */
export function readMeta(of: Scoped, object: JsonObject, source?: string): Parsed<Meta> {
  const metadata = object['metadata'];
  if (metadata === undefined) return failed('metadata', 'is missing');
  if (!isObject(metadata)) return failed('metadata', `must be an object, not ${typeName(metadata)}`);
  const errors = [...nameErrors(metadata['name']), ...namespaceErrors(of, metadata['namespace'])];
  const meta = metaOfNamed(of, object, source);
  return meta && errors.length === 0 ? { ok: true, value: meta } : { ok: false, errors };
}

/** Just enough to name an object, whatever else is wrong with it; undefined when it has no proper name. */
export function metaOfNamed({ kind, scope }: Scoped, object: JsonObject, source?: string): Meta | undefined {
  const metadata = object['metadata'];
  if (!isObject(metadata)) return undefined;
  const { name, namespace, uid, generation, creationTimestamp } = metadata;
  if (typeof name !== 'string' || !isSubdomain(name)) return undefined;
  return {
    ref: { kind, name, ...(scope === 'Namespaced' && typeof namespace === 'string' && { namespace }) },
    ...(typeof uid === 'string' && { uid }),
    ...(typeof generation === 'number' && { generation }),
    ...(typeof creationTimestamp === 'string' && { created: creationTimestamp }),
    ...(source !== undefined && { source }),
  };
}

function nameErrors(name: unknown): readonly FieldError[] {
  const message = nameError(name);
  return message === undefined ? [] : [{ path: 'metadata.name', message }];
}

/** What is wrong with the name of an object; undefined when nothing is. */
export function nameError(name: unknown): string | undefined {
  if (name === undefined || name === null || name === '') return 'is missing';
  if (typeof name !== 'string')
    return `must be a text, not ${typeName(name)}${typeof name === 'number' ? `: write "${name}" in quotes` : ''}`;
  if (isSubdomain(name)) return undefined;
  if (name.length > NAME_LENGTH) return `${quote(name)} is longer than ${NAME_LENGTH} characters`;
  const corrected = name.toLowerCase().replaceAll(/[_\s]+/g, '-');
  const hint = isSubdomain(corrected) ? `: write ${corrected}` : '';
  return `${quote(name)} is not a name that Kubernetes allows (lower case letters, digits, "-" and ".")${hint}`;
}

function isSubdomain(name: string): boolean {
  return name.length <= NAME_LENGTH && SUBDOMAIN.test(name);
}

function namespaceErrors({ kind, scope }: Scoped, namespace: unknown): readonly FieldError[] {
  const path = 'metadata.namespace';
  if (scope === 'Cluster') {
    if (namespace === undefined || namespace === null || namespace === '') return [];
    return [{ path, message: `a ${kind} belongs to the whole cluster and has no namespace: remove it` }];
  }
  if (typeof namespace === 'string' && isSubdomain(namespace)) return [];
  return [{ path, message: `a ${kind} lives in a namespace: write its name` }];
}
