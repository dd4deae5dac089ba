import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '../lab/kubernetes/api.ts';

type Schema = Readonly<Record<string, unknown>>;

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** What `-schema-location` of kubeconform says about the files that `writeSchemas` writes. */
export const SCHEMA_FILES = '{{ .Group }}_{{ .ResourceAPIVersion }}_{{ .ResourceKind }}.json';

const TEXT_OR_NUMBER: Schema = { type: ['string', 'number'] };

/**
 * Writes a JSON schema for each kind that the API server knows, made of its own OpenAPI description, into a folder. Strict: what is not
 * described is refused. Answers how many.
 */
export async function writeSchemas(api: Api, folder: string): Promise<number> {
  const { definitions } = await api.get<{ readonly definitions: Readonly<Record<string, Schema>> }>('/openapi/v2');
  let count = 0;
  for (const [name, definition] of Object.entries(definitions)) {
    for (const { group, version, kind } of (definition['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[]) {
      const needed = [...reachable(name, definitions)].map((each) => [
        each,
        each.endsWith('.Quantity') ? TEXT_OR_NUMBER : strict(definitions[each]),
      ]);
      const schema = { $ref: `#/definitions/${name}`, definitions: Object.fromEntries(needed) };
      // kubeconform takes the version for the group when there is none.
      writeFileSync(join(folder, `${group || version}_${version}_${kind.toLowerCase()}.json`), JSON.stringify(schema));
      count++;
    }
  }
  return count;
}

/** The names of all definitions that one needs, itself included. */
function reachable(name: string, definitions: Readonly<Record<string, Schema>>): ReadonlySet<string> {
  const found = new Set([name]);
  for (const each of found) {
    for (const [, other = ''] of JSON.stringify(definitions[each]).matchAll(/"#\/definitions\/([^"]+)"/g)) found.add(other);
  }
  return found;
}

/** Swagger 2.0 to JSON schema. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== 'object' || value === null) return value;
  const schema = value as Schema;
  if (schema['format'] === 'int-or-string') return TEXT_OR_NUMBER;
  const converted = Object.fromEntries(Object.entries(schema).map(([key, each]) => [key, strict(each)]));
  return 'properties' in schema && !('additionalProperties' in schema) ? { ...converted, additionalProperties: false } : converted;
}
