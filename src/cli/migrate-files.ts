import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import { flattenLists } from '../api/parse.ts';
import { isOfOverlay } from './migrate-overlay.ts';
import { located } from './migrate-places.ts';
import { readSubnets, resourcesFor, type Subnets } from './migrate-static-routes.ts';
import { type Finding, firstLine, type Located, type Migrated } from './migrated.ts';

export interface MigratedFile extends Migrated {
  /** What is of the overlay IP controller: it makes sense together with what is in other files. */
  readonly overlay: readonly Located[];
}

/** What the manifests in a file ask for, as StaticRoutes; `names` are taken, and grow. Documents of other things are passed over. */
export function migrateManifests(text: string, file: string, names: Set<string>): MigratedFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const found = 'empty' in documents ? [] : documents;
  const whereAt = (offset: number): string => `${file}:${lines.linePos(offset).line}`;
  const read = found.map((document) =>
    readDocument(document, (offset, message) => ({ where: whereAt(offset), message: firstLine(message) })),
  );
  const objects = read.flatMap((each) => flattenLists(each.value));
  const parts = found
    .flatMap(({ contents }) => mapsIn(contents))
    .flatMap((map): Migrated[] => {
      const routes = routesOf(map);
      if (!routes) return [];
      const { subnets, findings } = subnetsAt(routes, text, whereAt);
      return [{ resources: resourcesFor({ name: nameOf(map), subnets, objects }, names), findings }];
    });
  const readable = found.filter((_, i) => read[i]?.findings.length === 0);
  const overlay = readable.flatMap((document) => mapsIn(document.contents).flatMap((map) => located(map, document, { file, lines }) ?? []));
  return {
    resources: parts.flatMap((part) => part.resources),
    findings: [...read, ...parts].flatMap((each) => each.findings),
    overlay: overlay.filter(isOfOverlay),
  };
}

interface ReadDocument {
  readonly value?: unknown;
  readonly findings: readonly Finding[];
}

/** The plain value, and what is wrong with the YAML; an alias to nothing is found only when the value is made. */
function readDocument(document: Document.Parsed, found: (offset: number, message: string) => Finding): ReadDocument {
  if (document.errors.length > 0) return { findings: document.errors.map((error) => found(error.pos[0], error.message)) };
  try {
    return { value: document.toJS() as unknown, findings: [] };
  } catch (error) {
    return { findings: [found(document.range[0], error instanceof Error ? error.message : String(error))] };
  }
}

/** The objects of a document; those of a `kind: List`, as `kubectl get -o yaml` writes it, one by one. */
function mapsIn(node: unknown): YAMLMap[] {
  if (!isMap(node)) return [];
  const items = node.get('items');
  return isSeq(items) && String(node.get('kind')).endsWith('List') ? items.items.flatMap(mapsIn) : [node];
}

/** The value of `data.routes` of a ConfigMap. */
function routesOf(map: YAMLMap): Node | undefined {
  const node = map.get('kind') === 'ConfigMap' ? map.getIn(['data', 'routes'], true) : undefined;
  return isNode(node) ? node : undefined;
}

function nameOf(map: YAMLMap): string | undefined {
  const name = map.getIn(['metadata', 'name']);
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** An entry is looked for in the text, after the one before it: the JSON in it has no positions of its own. */
function subnetsAt(routes: Node, text: string, whereAt: (offset: number) => string): Subnets {
  let offset = routes.range?.[0] ?? 0;
  const whereIs = (entry?: unknown): string => {
    if (entry === undefined) return whereAt(offset);
    const quoted = JSON.stringify(entry);
    const position = text.indexOf(typeof entry === 'string' ? entry : quoted, offset);
    const where = whereAt(position >= 0 ? position : offset);
    if (position >= 0) offset = position + quoted.length - 2;
    return where;
  };
  return readSubnets(isScalar(routes) ? routes.value : undefined, whereIs);
}
