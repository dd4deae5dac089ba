import { isMap, isScalar, parseDocument, stringify, type YAMLMap } from 'yaml';

/** One value of the chart: its path, its default as YAML in one line, and what the comment above it says. */
export interface ChartValue {
  readonly path: string;
  readonly default: string;
  readonly meaning: string;
}

/** Every value of a values.yaml that has a comment; a map without one stands for its members. */
export function chartValues(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  return isMap(contents) ? membersOf(contents, '') : [];
}

function membersOf(map: YAMLMap, prefix: string): readonly ChartValue[] {
  return map.items.flatMap(({ key, value }, i) => {
    if (!isScalar(key)) return [];
    const path = `${prefix}${key.value}`;
    // What stands above the first member belongs to the map.
    const comment = key.commentBefore ?? (i === 0 ? map.commentBefore : undefined);
    if (comment !== undefined && comment !== null)
      return [{ path, default: inOneLine(value), meaning: comment.trim().replaceAll(/\s+/g, ' ') }];
    return isMap(value) ? membersOf(value, `${path}.`) : [{ path, default: inOneLine(value), meaning: '' }];
  });
}

function inOneLine(value: unknown): string {
  const plain = typeof value === 'object' && value !== null && 'toJSON' in value ? (value as { toJSON(): unknown }).toJSON() : value;
  return stringify(plain, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
}
