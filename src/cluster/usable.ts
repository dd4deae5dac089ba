import type { ParsedDocument } from '../api/parse.ts';

/** What `parseDocument` accepted as a resource. */
export type Usable = Exclude<ParsedDocument, { readonly type: 'ignored' | 'invalid' | 'problem' }>;

export function isUsable(parsed: ParsedDocument): parsed is Usable {
  return parsed.type !== 'ignored' && parsed.type !== 'invalid' && parsed.type !== 'problem';
}

/** What makes two documents the same object: kind, namespace and name. Undefined for a document that names none. */
export function keyOf(parsed: ParsedDocument): string | undefined {
  switch (parsed.type) {
    case 'ignored':
    case 'problem':
      return undefined;
    case 'invalid':
      return keyFrom(parsed.meta.ref.kind, parsed.meta.ref.namespace, parsed.meta.ref.name);
    case 'node':
      return keyFrom('Node', undefined, parsed.value.name);
    case 'cluster-network':
      return keyFrom('ClusterNetwork', undefined, parsed.value.name);
    default:
      return keyFrom(parsed.value.meta.ref.kind, parsed.value.meta.ref.namespace, parsed.value.meta.ref.name);
  }
}

/** The key of a wire object that was accepted once, without validating it again. */
export function keyOfRaw(raw: unknown): string | undefined {
  const { kind, metadata } = fieldsOf(raw);
  const { namespace, name } = fieldsOf(metadata);
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return keyFrom(kind, typeof namespace === 'string' ? namespace : undefined, name);
}

function fieldsOf(value: unknown): {
  readonly kind?: unknown;
  readonly metadata?: unknown;
  readonly namespace?: unknown;
  readonly name?: unknown;
} {
  return typeof value === 'object' && value !== null ? value : {};
}

function keyFrom(kind: string, namespace: string | undefined, name: string): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
