import type * as z from 'zod/mini';
import type { LabelExpression, LabelSelector } from '../core/resources.ts';
import { EVERY_NODE } from '../core/selector.ts';
import { labelKeyField, labelsField, labelValueField } from './label-fields.ts';
import { type About, choice, fields, list, optional, type Rule } from './schema.ts';

const VALUES_FIT: Rule<Expression> = {
  message: 'In and NotIn need values; Exists and DoesNotExist take none',
  cel: { rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)" },
  check: ({ operator, values = [] }) => {
    const needed = operator === 'In' || operator === 'NotIn';
    if (needed === values.length > 0) return undefined;
    return needed ? `operator ${operator} needs values: write values: [...]` : `operator ${operator} takes no values: remove them`;
  },
};

interface Expression {
  key: string;
  operator: LabelExpression['operator'];
  values?: string[];
}

function expressionField() {
  return fields(
    { about: 'One demand on the labels.' },
    {
      key: labelKeyField({ about: 'Key of the label.' }),
      operator: choice({ about: 'NotIn and DoesNotExist also select nodes that lack the label.' }, [
        'In',
        'NotIn',
        'Exists',
        'DoesNotExist',
      ]),
      values: optional(list({ about: 'For In and NotIn.' }, labelValueField({ about: 'A value of the label.' }), { max: 64 })),
    },
    [VALUES_FIT],
  );
}

/** A Kubernetes label selector. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
export function selectorField(about: About) {
  return fields(about, {
    matchLabels: optional(labelsField({ about: 'The labels that a node must have.' }, { max: 64 })),
    matchExpressions: optional(list({ about: 'Demands that must all hold.' }, expressionField(), { max: 32 })),
  });
}

export function toSelector(wire: z.output<ReturnType<typeof selectorField>> | undefined): LabelSelector {
  if (!wire) return EVERY_NODE;
  return {
    matchLabels: new Map(Object.entries(wire.matchLabels ?? {})),
    matchExpressions: (wire.matchExpressions ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] })),
  };
}
