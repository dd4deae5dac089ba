import { toJSONSchema } from 'zod/v4/core';
import { openapi, type Schema } from './schema.ts';

/** A node of an OpenAPI v3 schema as we generate it. `doc` is for the reference page and never reaches a CRD. */
export interface SchemaNode {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  readonly doc?: { readonly default?: string; readonly rules: readonly string[] };
  readonly [keyword: string]: unknown;
}

/** What may stand in a structural schema, in the order in which it is written. */
const KEYWORDS = [
  'type',
  'description',
  'format',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
  'doc',
];

/** What zod writes beyond that: pruning, not a keyword, rejects unknown fields, and the server knows no propertyNames. */
const DROPPED = ['$schema', 'propertyNames'];

/** The schema of a field with everything about it. @throws Error when it says something that Kubernetes does not accept. */
export function schemaOf(schema: Schema): SchemaNode {
  return ordered(toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline', metadata: openapi }), 'schema');
}

/** The same with what only the reference page uses put into words, or left out: a structural schema. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema */
export function structural({ doc, ...node }: SchemaNode): SchemaNode {
  const absent = doc?.default === undefined ? {} : { description: `${node.description} When absent: ${doc.default}.` };
  return mapChildren(withoutEmpty({ ...node, ...absent }), structural);
}

/** The server drops an empty list of properties; whoever applies one would be told that somebody else had changed it. */
function withoutEmpty(node: SchemaNode): SchemaNode {
  const { properties, ...others } = node;
  return properties !== undefined && Object.keys(properties).length === 0 ? others : node;
}

function mapChildren(node: SchemaNode, change: (child: SchemaNode) => SchemaNode): SchemaNode {
  const { properties, additionalProperties, items } = node;
  return {
    ...node,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, change(child)])) }),
    ...(additionalProperties && { additionalProperties: change(additionalProperties) }),
    ...(items && { items: change(items) }),
  };
}

function ordered(json: object, path: string): SchemaNode {
  const given = Object.entries(json).filter(
    ([key, value]) => !DROPPED.includes(key) && !(key === 'additionalProperties' && value === false),
  );
  const stranger = given.find(([key]) => !KEYWORDS.includes(key));
  if (stranger) throw new Error(`${path}: "${stranger[0]}" is not allowed in a structural schema`);
  const node = integers(Object.fromEntries(given.sort(([a], [b]) => KEYWORDS.indexOf(a) - KEYWORDS.indexOf(b))) as unknown as SchemaNode);
  if (node.type === undefined) throw new Error(`${path}: a structural schema needs a type`);
  return mapChildren(node, (child) => ordered(child, `${path}.${child.description ?? '?'}`));
}

/** zod writes a choice of whole numbers as `number`, which Kubernetes would read as floating point. */
function integers(node: SchemaNode): SchemaNode {
  return node.enum?.every(Number.isInteger) ? { ...node, type: 'integer' } : node;
}
