import type { Rival } from './row.ts';

/** For people who see a rival's figure in the table. */
export const RIVALS = 'Rivals were measured elsewhere, on the same kind of machine (2 cores, kube-apiserver 1.36, namespaces as nodes).';

/** https://github.com/IBM/staticroute-operator, 570e373: the quickest that we know of. */
export function goOperator(value: number): Rival {
  return { name: 'Go operator', value };
}
