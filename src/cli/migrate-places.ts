import { type Document, isMap, isNode, isScalar, type LineCounter, Scalar, type YAMLMap } from 'yaml';
import { isObject } from '../api/metadata.ts';
import type { Located } from './migrated.ts';

/** Where offsets of a file are. */
export interface Places {
  readonly file: string;
  readonly lines: LineCounter;
}

/** An object of a document, with the lines of its fields; undefined for what is no object. */
export function located(map: YAMLMap, document: Document, { file, lines }: Places): Located | undefined {
  const object: unknown = map.toJS(document);
  if (!isObject(object)) return undefined;
  const lineOf = (path: readonly string[]): number => lines.linePos(offsetOf(map, path)).line;
  return {
    object,
    where: (...path) => `${file}:${lineOf(path)}`,
    whereInText: (line, ...path) => `${file}:${lineOf(path) + (isLiteral(map, path) ? line : 0)}`,
  };
}

/** Where the key of a field stands, or the innermost one above it that is there. */
function offsetOf(map: YAMLMap, path: readonly string[]): number {
  let offset = map.range?.[0] ?? 0;
  let inner: unknown = map;
  for (const name of path) {
    const pair = isMap(inner) ? inner.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
    if (pair === undefined) return offset;
    if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
    inner = pair.value;
  }
  return offset;
}

/** Whether a text has the lines of the file: only then can one of them be found. */
function isLiteral(map: YAMLMap, path: readonly string[]): boolean {
  const node = map.getIn(path, true);
  return isScalar(node) && node.type === Scalar.BLOCK_LITERAL;
}
