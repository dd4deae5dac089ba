/** https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone, and what it was called before 1.17 */
const LABELS = ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone'] as const;

/** Where a node is; undefined when nothing says so. */
export function zoneOf(labels: ReadonlyMap<string, string>): string | undefined {
  for (const label of LABELS) {
    const zone = labels.get(label);
    if (zone !== undefined && zone !== '') return zone;
  }
  return undefined;
}
