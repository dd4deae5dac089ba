import type { LabelExpression, LabelSelector } from './resources.ts';

export const EVERY_NODE: LabelSelector = { matchLabels: new Map(), matchExpressions: [] };

/** Whether a selector picks a set of labels: undefined when labels are needed and not known. */
export function selects(selector: LabelSelector, labels: ReadonlyMap<string, string> | undefined): boolean | undefined {
  if (selector.matchLabels.size === 0 && selector.matchExpressions.length === 0) return true;
  if (!labels) return undefined;
  for (const [key, value] of selector.matchLabels) if (labels.get(key) !== value) return false;
  return selector.matchExpressions.every((expression) => holds(expression, labels.get(expression.key)));
}

/** Kubernetes semantics: NotIn and DoesNotExist also pick nodes that lack the label. */
function holds(expression: LabelExpression, value: string | undefined): boolean {
  switch (expression.operator) {
    case 'In':
      return value !== undefined && expression.values.includes(value);
    case 'NotIn':
      return value === undefined || !expression.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
