import type { Cluster } from '../../lab/cluster/cluster.ts';

/** What comes and goes by itself. */
const PASSING = ['events', 'events.events.k8s.io'];

/** Every object of the cluster, as `kind/name` or `namespace: kind/name`. */
export async function allObjects({ plane }: Cluster): Promise<readonly string[]> {
  const resources = (await plane.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const wanted = resources.filter((name) => !PASSING.includes(name)).join(',');
  const format = '{range .items[*]}{.metadata.namespace}: {.kind}/{.metadata.name}{"\\n"}{end}';
  const text = await plane.kubectl(['get', wanted, '--all-namespaces', '-o', `jsonpath=${format}`]);
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/^: /, ''))
    .toSorted();
}
