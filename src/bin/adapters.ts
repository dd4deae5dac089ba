import { join } from 'node:path';
import type { Adapters } from '../cli/command.ts';
import { LAST_GOOD_FILE } from '../cluster/cluster.ts';
import { openDirectory } from '../cluster/directory/directory.ts';
import { openReportFile } from '../cluster/directory/report-file.ts';
import { openLinuxKernel } from '../kernel/linux/kernel.ts';

/** The real world: this kernel, folders on this disk, a cluster where one is asked for. */
export const adapters: Adapters = {
  openKernel: async () => openLinuxKernel(),
  openFolder: ({ manifests, status }) => ({
    words: `folder ${manifests}`,
    sink: openReportFile(status),
    openSource: ({ stateFolder, ...options }) =>
      openDirectory({ directory: manifests, lastGood: join(stateFolder, LAST_GOOD_FILE), ...options }),
    close: () => Promise.resolve(),
  }),
  openCluster: async (options) => (await import('./open-cluster.ts')).openCluster(options),
  crds: async () => (await import('../api/crd.ts')).crdYaml(),
};
