import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { crd, crdYaml } from '../../src/api/crd.ts';
import { overlayPoolKind } from '../../src/api/kinds/overlay-pool.ts';
import { parseStaticRoute, staticRouteKind } from '../../src/api/kinds/static-route.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { schemaOf } from '../../src/api/openapi.ts';
import * as schema from '../../src/api/schema.ts';
import { PROBLEM_CODES } from '../../src/core/problem.ts';
import { generatedFiles, staleFiles } from '../../tools/generate.ts';

interface Node extends Record<string, unknown> {
  readonly type?: string;
  readonly properties?: Record<string, Node>;
  readonly items?: Node;
  readonly additionalProperties?: Node;
}

test('generated files are what would be generated now', () => assert.deepEqual(staleFiles(), []));

test('there is a page per kind, and every problem code is on its page', () => {
  const files = generatedFiles();
  for (const name of ['staticroutes', 'overlaypools', 'nodeoverlayips']) assert.ok(files.has(`deploy/crds/${name}.fairlead.dev.yaml`));
  for (const name of ['static-route', 'node-report', 'overlay-pool', 'node-overlay-ip']) assert.ok(files.has(`docs/reference/${name}.md`));
  const page = files.get('docs/reference/problems.md') ?? '';
  assert.deepEqual(
    Object.keys(PROBLEM_CODES).filter((code) => !page.includes(`\`${code}\``)),
    [],
  );
});

test('the YAML of all CRDs holds each of them', () => {
  const documents = parseAllDocuments(crdYaml()).map((document) => document.toJS() as unknown);
  assert.deepEqual(documents, JSON.parse(JSON.stringify(KINDS.map(crd))));
});

test('the example of the reference page is a StaticRoute', () => {
  assert.ok(parseStaticRoute(parse(staticRouteKind.definition.example)).ok);
});

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema */
const ALLOWED = new Set([
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
]);

for (const kind of KINDS) {
  const nodes = [...walk('', rootOf(crd(kind)))];

  test(`CRD of ${kind.kind}: the schema is structural`, () => {
    assert.ok(nodes.length > 20);
    for (const [path, node] of nodes) {
      assert.deepEqual(
        Object.keys(node).filter((key) => !ALLOWED.has(key)),
        [],
        path,
      );
      assert.match(node.type ?? 'none', /^(object|array|string|integer|boolean)$/, path);
      assert.ok(!(node.properties && node.additionalProperties), path);
      assert.notEqual(node['additionalProperties'], false, path);
    }
  });

  test(`CRD of ${kind.kind}: everything has a bound, so the cost of CEL can be estimated`, () => {
    for (const [path, node] of nodes) {
      if (['.apiVersion', '.kind', '.metadata'].includes(path)) continue;
      if (node.type === 'array') assert.ok(Number.isInteger(node['maxItems']), `${path} needs maxItems`);
      if (node.type === 'string' && !node['enum']) assert.ok(Number.isInteger(node['maxLength']), `${path} needs maxLength`);
      if (node.additionalProperties) assert.ok(Number.isInteger(node['maxProperties']), `${path} needs maxProperties`);
    }
  });

  test(`CRD of ${kind.kind}: each CEL rule is well formed and has a message of one line`, () => {
    for (const [path, node] of nodes) {
      for (const rule of (node['x-kubernetes-validations'] ?? []) as Record<string, string>[]) {
        assert.match(rule['message'] ?? '', /^[^\n]+$/, path);
        for (const text of [rule['rule'], rule['messageExpression']].filter((given) => given !== undefined)) assertBalanced(text, path);
        assert.doesNotMatch(rule['messageExpression'] ?? '', /'\s*\+/, `${path}: concatenation is over the cost budget, use format`);
      }
    }
  });
}

test('a keyword that Kubernetes does not accept stops the generator', () => {
  const stranger = schema.text({ about: 'x' }, { max: 5 });
  schema.openapi.add(stranger, { description: 'x', propertyNames: {}, const: 'a' });
  assert.throws(() => schemaOf(stranger), { message: 'schema: "const" is not allowed in a structural schema' });
});

test('union members have no default in the schema: it would break a later apply of another member', () => {
  for (const [kind, union] of [
    [staticRouteKind.definition, '.spec.via'],
    [overlayPoolKind.definition, '.spec.ipam'],
    [overlayPoolKind.definition, '.spec.interface'],
  ] as const) {
    const nodes = [...walk('', rootOf(crd(kind)))].filter(([path]) => path.startsWith(union));
    assert.ok(nodes.length > 5);
    for (const [path, node] of nodes) assert.ok(!('default' in node), path);
  }
});

test('what objects are selected by is a text of the schema', () => {
  for (const kind of KINDS) {
    const nodes = new Map(walk('', rootOf(crd(kind))));
    for (const path of kind.selectableFields ?? []) assert.equal(nodes.get(`.${path}`)?.type, 'string', `${kind.kind} ${path}`);
  }
  assert.deepEqual(
    KINDS.filter(({ selectableFields }) => selectableFields !== undefined).map(({ kind }) => kind),
    ['NodeOverlayIP'],
  );
});

function rootOf(definition: object): Node {
  const { spec } = JSON.parse(JSON.stringify(definition)) as { spec: { versions: [{ schema: { openAPIV3Schema: Node } }] } };
  return spec.versions[0].schema.openAPIV3Schema;
}

function* walk(path: string, node: Node): Generator<[string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* walk(`${path}.${name}`, child);
  if (node.items) yield* walk(`${path}[]`, node.items);
  if (node.additionalProperties) yield* walk(`${path}{}`, node.additionalProperties);
}

/** Quotes are closed and brackets pair, outside quotes. */
function assertBalanced(text: string, path: string): void {
  const bare = text.replaceAll(/'(?:[^'\\]|\\.)*'/g, '');
  assert.doesNotMatch(bare, /['"]/, `${path}: open quote in ${text}`);
  const open: string[] = [];
  for (const letter of bare) {
    if ('([{'.includes(letter)) open.push(letter);
    const pair = ')]}'.indexOf(letter);
    if (pair >= 0) assert.equal(open.pop(), '([{'[pair], `${path}: unbalanced ${text}`);
  }
  assert.deepEqual(open, [], `${path}: unbalanced ${text}`);
}
