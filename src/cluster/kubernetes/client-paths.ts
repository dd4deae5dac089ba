import type { ObjectName, ResourceType, Selection } from '../api-client.ts';

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function collectionPath({ apiVersion, plural, namespaced }: ResourceType, namespace: string | undefined): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''}/${plural}`;
}

export function objectPath(type: ResourceType, { namespace, name }: ObjectName, subresource?: string): string {
  return `${collectionPath(type, namespace)}/${encodeURIComponent(name)}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** `?a=1&b=2`, without what is undefined. */
export function query(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

export function selectors({ fieldSelector, labelSelector }: Selection): Readonly<Record<string, string | undefined>> {
  return { fieldSelector, labelSelector };
}
