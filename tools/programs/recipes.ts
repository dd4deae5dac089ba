import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that are built together. Its folder locks every module by checksum (go.mod, go.sum) and may hold a main package. */
export interface Recipe {
  readonly name: string;
  readonly folder: string;
  /** The Go package to build, as seen from the folder. */
  readonly package: string;
  /** The module whose version is that of the programs. */
  readonly module: string;
  /** One executable is built; it goes by these names. */
  readonly programs: readonly ProgramName[];
  /** Variables that the linker sets, so that the programs know their version. */
  readonly variables: (version: string) => Readonly<Record<string, string>>;
  /** What to expect of a build without any cache, for the message. */
  readonly minutes: number;
}

export const PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
  'helm',
  'kubeconform',
] as const;
export type ProgramName = (typeof PROGRAMS)[number];

const folder = (name: string) => join(import.meta.dirname, name);

const KUBERNETES: Recipe = {
  name: 'kubernetes',
  folder: folder('kubernetes'),
  package: '.',
  module: 'k8s.io/kubernetes',
  programs: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'],
  // Without these /version says v0.0.0, and clients choose their behaviour by it.
  variables: (version) => ({
    'k8s.io/component-base/version.gitVersion': version,
    'k8s.io/component-base/version.gitMajor': version.slice(1).split('.')[0] ?? '',
    'k8s.io/component-base/version.gitMinor': version.split('.')[1] ?? '',
    'k8s.io/component-base/version.gitTreeState': 'clean',
  }),
  minutes: 9,
};

const HELM: Recipe = {
  name: 'helm',
  folder: folder('helm'),
  package: 'helm.sh/helm/v4/cmd/helm',
  module: 'helm.sh/helm/v4',
  programs: ['helm'],
  variables: (version) => ({ 'helm.sh/helm/v4/internal/version.version': version }),
  minutes: 4,
};

const KUBECONFORM: Recipe = {
  name: 'kubeconform',
  folder: folder('kubeconform'),
  package: 'github.com/yannh/kubeconform/cmd/kubeconform',
  module: 'github.com/yannh/kubeconform',
  programs: ['kubeconform'],
  variables: (version) => ({ 'main.version': version }),
  minutes: 1,
};

export const RECIPES: readonly Recipe[] = [KUBERNETES, HELM, KUBECONFORM];

/** @throws Error when no recipe makes this program */
export function recipeOf(program: string): Recipe {
  const recipe = RECIPES.find(({ programs }) => programs.some((name) => name === program));
  if (recipe === undefined) throw new Error(`nothing here builds "${program}"; there are ${PROGRAMS.join(', ')}`);
  return recipe;
}

/** For example `v1.36.3`. */
export function versionOf(recipe: Recipe): string {
  const line = readFileSync(join(recipe.folder, 'go.mod'), 'utf8')
    .split('\n')
    .map((text) =>
      text
        .replace(/^require/, '')
        .trim()
        .split(' '),
    )
    .find(([module]) => module === recipe.module);
  if (line?.[1] === undefined) throw new Error(`${recipe.folder}/go.mod does not require ${recipe.module}`);
  return line[1];
}
