import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { program } from './programs/programs.ts';

/** deploy/install.yaml is what the chart installs, for those who do not use Helm. */
const ROOT = join(import.meta.dirname, '..');

export const INSTALL_FILE = 'deploy/install.yaml';

/** Agents use the network of the node and NET_ADMIN, which only a privileged namespace allows (Pod Security Standards). */
const HEAD = `# Generated from charts/fairlead by tools/install-manifest.ts; do not edit.
apiVersion: v1
kind: Namespace
metadata:
  name: fairlead-system
  labels:
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
`;

/** Hooks, annotations and labels of Helm mean nothing to kubectl. */
const WITHOUT_HELM = ['--no-hooks', '--set', 'uninstall.cleanup=false,crds.keep=false'];

/** What the chart renders to with its default values and `more` of them. @throws Error with the words of Helm */
export function rendered(more: readonly string[] = []): string {
  const args = ['template', 'fairlead', 'charts/fairlead', '--namespace', 'fairlead-system', ...more];
  const { status, stdout, stderr } = spawnSync(program('helm'), args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
  return stdout;
}

export function installManifest(): string {
  const body = rendered(WITHOUT_HELM)
    .replaceAll(/^# Source: .*\n/gm, '')
    .replaceAll(/\n{2,}/g, '\n')
    .replaceAll(/^ *app\.kubernetes\.io\/managed-by: Helm\n/gm, '');
  return HEAD + body;
}
