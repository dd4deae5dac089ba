import { API_VERSION, type Kind } from './define-kind.ts';
import { type SchemaNode, schemaOf } from './openapi.ts';
import type { Schema } from './schema.ts';

/** The reference page of a kind, in Markdown. */
export function referencePage(kind: Kind): string {
  return [
    `# ${kind.kind}`,
    `\`${API_VERSION}\`, ${kind.scope === 'Cluster' ? 'cluster-wide' : 'namespaced'}; \`kubectl get ${kind.shortName}\`.`,
    kind.summary,
    kind.details,
    `\`\`\`yaml\n${kind.example.trimEnd()}\n\`\`\``,
    ...(kind.spec
      ? [
          '## Spec',
          table(kind.spec, 'spec'),
          '### Rules',
          [...(kind.demands ?? []).map(({ message }) => `- ${message}`), rules(kind.spec, 'spec')].join('\n'),
        ]
      : []),
    '## Status',
    table(kind.status(), 'status'),
    '## Columns',
    kind.columns.map((column) => `- **${column.name}**${column.wide ? ' (`-o wide`)' : ''}: ${column.description}`).join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

interface Field {
  readonly path: string;
  readonly node: SchemaNode;
  readonly required: boolean;
}

function table(schema: Schema, root: string): string {
  const rows = [...fieldsOf({ path: root, node: schemaOf(schema), required: true })]
    .filter((field) => field.path !== root && !field.path.endsWith('[]'))
    .map(({ path, node, required }) => `| \`${path}\` | ${typeText(node)} | ${defaultText(node, required)} | ${cell(about(node))} |`);
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** A field and, depth first, everything in it. */
function* fieldsOf(field: Field): Generator<Field> {
  yield field;
  const { path, node } = field;
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield* fieldsOf({ path: `${path}.${name}`, node: child, required: node.required?.includes(name) ?? false });
  }
  if (node.items) yield* fieldsOf({ path: `${path}[]`, node: node.items, required: true });
}

function about(node: SchemaNode): string {
  const entry = node.items?.description;
  return `${node.description ?? ''}${entry === undefined ? '' : ` Each: ${entry}`}`;
}

function typeText(node: SchemaNode): string {
  if (node.items) return `list of ${typeText(node.items)}${bounds(node['minItems'], node['maxItems'])}`;
  if (node.additionalProperties) return `map of ${typeText(node.additionalProperties)}`;
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.type === 'integer') return `integer${bounds(node['minimum'], node['maximum'])}`;
  return node['format'] === 'date-time' ? 'time' : node.type;
}

function bounds(low: unknown, high: unknown): string {
  const large = high === undefined || high === Number.MAX_SAFE_INTEGER;
  if (large) return low === undefined || low === 0 ? '' : `, at least ${String(low)}`;
  return low === undefined ? `, at most ${String(high)}` : `, ${String(low)} to ${String(high)}`;
}

function defaultText(node: SchemaNode, required: boolean): string {
  if (node.default !== undefined) return `\`${String(node.default)}\``;
  if (required) return 'required';
  return cell(node.doc?.default ?? '');
}

function rules(schema: Schema, root: string): string {
  return [...fieldsOf({ path: root, node: schemaOf(schema), required: true })]
    .flatMap(({ path, node }) => (node.doc?.rules ?? []).map((rule) => `- \`${path}\`: ${rule}`))
    .join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
