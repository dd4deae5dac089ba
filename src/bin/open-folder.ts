import { join } from 'node:path';
import type { FolderOptions, Place } from '../cli/command.ts';
import { LAST_GOOD_FILE } from '../cluster/cluster.ts';
import { openDirectory } from '../cluster/directory/directory.ts';
import { openReportFile } from '../cluster/directory/report-file.ts';

/** A folder of manifests; apart from the other adapters, because a node of a cluster need not load all this. */
export function openFolder({ manifests, status }: FolderOptions): Place {
  return {
    words: `folder ${manifests}`,
    sink: openReportFile(status),
    openSource: ({ stateFolder, ...options }) =>
      openDirectory({ directory: manifests, lastGood: join(stateFolder, LAST_GOOD_FILE), ...options }),
    close: () => Promise.resolve(),
  };
}
