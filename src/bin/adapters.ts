import { join } from 'node:path';
import type { Adapters } from '../cli/command.ts';
import { LAST_GOOD_FILE } from '../cluster/cluster.ts';
import { reportFile } from '../cluster/directory/report-file.ts';
import { openDirectory } from '../cluster/directory/source.ts';
import { openLinuxKernel } from '../kernel/linux/kernel.ts';

/** The real world: this kernel, folders on this disk. */
export const adapters: Adapters = {
  openKernel: async () => openLinuxKernel(),
  openSource: ({ manifests, stateFolder, readOnly, onWarning }) =>
    openDirectory({ directory: manifests, lastGood: join(stateFolder, LAST_GOOD_FILE), readOnly, onWarning }),
  openSink: (statusFolder) => reportFile(statusFolder),
  crds: async () => (await import('../api/crd.ts')).crdYaml(),
};
