import type { ApiMetadata, ApiObject, Page, ResourceType } from '../api-client.ts';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object without its managedFields; undefined when it has no proper metadata. Lists of built-in kinds name the kind only once. */
export function toObject(value: unknown, type: ResourceType): ApiObject | undefined {
  if (!isRecord(value) || !isRecord(value['metadata'])) return undefined;
  const { managedFields, ...metadata } = value['metadata'];
  if (!isMetadata(metadata)) return undefined;
  const { apiVersion = type.apiVersion, kind = type.kind } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  return { ...value, apiVersion, kind, metadata };
}

/** Undefined for what is not a list of that very type, with its items: whatever else answers, it must not pass for an empty cluster. */
export function toPage(value: unknown, type: ResourceType): Page | undefined {
  if (!isRecord(value) || value['kind'] !== `${type.kind}List` || !isRecord(value['metadata'])) return undefined;
  const { resourceVersion, continue: rest } = value['metadata'];
  const raw = value['items'] === null ? [] : value['items'];
  if (typeof resourceVersion !== 'string' || !Array.isArray(raw)) return undefined;
  const items = raw.map((item) => toObject(item, type));
  if (!items.every((item) => item !== undefined)) return undefined;
  return { items, resourceVersion, ...(typeof rest === 'string' && rest !== '' && { continue: rest }) };
}

function isMetadata(metadata: Readonly<Record<string, unknown>>): metadata is Readonly<Record<string, unknown>> & ApiMetadata {
  const { name, namespace, uid, resourceVersion, generation, labels, annotations, deletionTimestamp, creationTimestamp } = metadata;
  const { finalizers = [] } = metadata;
  return (
    [name, uid, resourceVersion].every((field) => typeof field === 'string') &&
    [namespace, creationTimestamp, deletionTimestamp].every((field) => field === undefined || typeof field === 'string') &&
    (generation === undefined || typeof generation === 'number') &&
    Array.isArray(finalizers) &&
    finalizers.every((finalizer) => typeof finalizer === 'string') &&
    [labels, annotations].every((field) => field === undefined || isTexts(field))
  );
}

function isTexts(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string');
}
