import { ApiError, type ApiObject, type Selection } from './api-client.ts';

export type Matcher = (object: ApiObject) => boolean;

/**
 * Whether an object belongs to a selection. Label selectors as in
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors; of the field selectors `=`, `==` and `!=`.
 */
export function matcherOf(selection: Selection, selectableFields: readonly string[]): Matcher {
  const { namespace } = selection;
  const requirements = [
    ...split(selection.labelSelector).map(labelRequirement),
    ...split(selection.fieldSelector).map((text) => fieldRequirement(text, selectableFields)),
    ...(namespace === undefined ? [] : [(object: ApiObject) => object.metadata.namespace === namespace]),
  ];
  return (object) => requirements.every((holds) => holds(object));
}

/** At the commas that do not stand in parentheses. */
function split(selector: string | undefined): readonly string[] {
  return (selector ?? '').split(/,(?![^(]*\))/).flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

function labelRequirement(text: string): Matcher {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return ({ metadata: { labels } }) => values.includes(labels?.[key] ?? '\0') === (operator === 'in');
  }
  const [, not, key = '', operator, value = ''] = /^(!?)([^\s=!]+)\s*(==|=|!=)?\s*(\S*)$/.exec(text) ?? [];
  if (key === '') throw badRequest(`unable to parse requirement: ${text}`);
  if (operator === undefined) return ({ metadata: { labels } }) => (labels?.[key] === undefined) === (not === '!');
  return ({ metadata: { labels } }) => (labels?.[key] === value) === (operator !== '!=');
}

function fieldRequirement(text: string, selectableFields: readonly string[]): Matcher {
  const [, path = '', operator, value] = /^([^=!]+)(==|=|!=)(.*)$/.exec(text) ?? [];
  if (!['metadata.name', 'metadata.namespace', ...selectableFields].includes(path)) {
    throw badRequest(`field label not supported: ${path || text}`);
  }
  return (object) => (String(fieldAt(object, path) ?? '') === value) === (operator !== '!=');
}

function fieldAt(object: ApiObject, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], object);
}

function badRequest(message: string): ApiError {
  return new ApiError(message, { status: 400, reason: 'BadRequest' });
}
