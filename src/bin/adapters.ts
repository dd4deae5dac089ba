import type { Adapters } from '../cli/command.ts';
import { openLinuxKernel } from '../kernel/linux/kernel.ts';

/** The real world: this kernel, folders on this disk, a cluster where one is asked for. */
export const adapters: Adapters = {
  openKernel: async () => openLinuxKernel(),
  openFolder: async (folders) => (await import('./open-folder.ts')).openFolder(folders),
  openCluster: async (options) => (await import('./open-cluster.ts')).openCluster(options),
  crds: async () => (await import('../api/crd.ts')).crdYaml(),
};
