import { join } from 'node:path';
import type { NodeReport } from '../../api/kinds/node-report.ts';
import { writeAtomic } from '../../runtime/atomic-file.ts';
import { yamlText } from '../../runtime/yaml-text.ts';
import { REPORT_FILE, ReportFailed, type ReportSink } from '../cluster.ts';

/** Writes reports to `<directory>/nodereport.yaml`, each replaced as a whole. The folder is created when it is missing. */
export function openReportFile(directory: string): ReportSink {
  const path = join(directory, REPORT_FILE);
  return {
    async write(report: NodeReport): Promise<void> {
      try {
        await writeAtomic(path, yamlText(report));
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        throw new ReportFailed(`the report of this node was not written: ${words}`, { cause: error });
      }
    },
  };
}
