import { stringify } from 'yaml';
import { type Column, GROUP, type Kind, VERSION } from './define-kind.ts';
import { KINDS } from './kinds.ts';
import { type SchemaNode, schemaOf, structural } from './openapi.ts';
import type { Demand } from './schema.ts';

/** The name of a kind's CustomResourceDefinition. */
export function crdName(kind: Kind): string {
  return `${kind.plural}.${GROUP}`;
}

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of a kind. */
export function crd(kind: Kind): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(kind) },
    spec: {
      group: GROUP,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: ['fairlead'],
      },
      scope: kind.scope,
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: objectSchema(kind) },
          subresources: { status: {} },
          ...(kind.selectableFields && { selectableFields: kind.selectableFields.map((path) => ({ jsonPath: `.${path}` })) }),
          additionalPrinterColumns: kind.columns.map(printerColumn),
        },
      ],
    },
  };
}

function objectSchema(kind: Kind): SchemaNode {
  const validations = demandsOf(kind).flatMap(({ cel, message }) => (cel ? [{ ...cel, message }] : []));
  return {
    type: 'object',
    description: kind.summary,
    ...(kind.spec && { required: ['spec'] }),
    ...(validations.length > 0 && { 'x-kubernetes-validations': validations }),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      ...(kind.spec && { spec: structural(schemaOf(kind.spec)) }),
      status: structural(schemaOf(kind.status())),
    },
  };
}

function demandsOf({ demands = [], onlyName }: Kind): readonly Demand[] {
  if (onlyName === undefined) return demands;
  return [...demands, { cel: { rule: `self.metadata.name == '${onlyName}'` }, message: `metadata.name must be ${onlyName}` }];
}

/** `kubectl get` shows columns of priority 0; `-o wide` all. */
function printerColumn({ wide, ...column }: Column): object {
  return { ...column, ...(wide && { priority: 1 }) };
}

/** One CRD as a YAML document. */
export function crdDocument(kind: Kind): string {
  return stringify(crd(kind), { aliasDuplicateObjects: false, lineWidth: 120 });
}

/** Every CRD, as `kubectl apply --server-side -f -` takes them. */
export function crdYaml(): string {
  return KINDS.map((kind) => `---\n${crdDocument(kind)}`).join('');
}
