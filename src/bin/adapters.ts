import { join } from 'node:path';
import type { Adapters } from '../cli/command.ts';
import { LAST_GOOD_FILE } from '../cluster/cluster.ts';
import { openDirectory } from '../cluster/directory/directory.ts';
import { openReportFile } from '../cluster/directory/report-file.ts';
import { openLinuxKernel } from '../kernel/linux/kernel.ts';

/** The real world: this kernel, folders on this disk. */
export const adapters: Adapters = {
  openKernel: async () => openLinuxKernel(),
  openSource: ({ manifests, stateFolder, ...options }) =>
    openDirectory({ directory: manifests, lastGood: join(stateFolder, LAST_GOOD_FILE), ...options }),
  openSink: (statusFolder) => openReportFile(statusFolder),
  crds: async () => (await import('../api/crd.ts')).crdYaml(),
};
