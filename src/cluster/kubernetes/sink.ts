import { type NodeReport, nodeReportKind } from '../../api/kinds/node-report.ts';
import { type ApiClient, ApiError, isNotFound } from '../api-client.ts';
import { ReportFailed, type ReportSink } from '../cluster.ts';
import { typeOf } from '../resource-types.ts';
import { type WriteAdvice, writeTrouble } from './write-trouble.ts';

/** Who owns what an agent writes. */
export const AGENT_MANAGER = 'fairlead-agent';

const REPORTS = typeOf(nodeReportKind);

const ADVICE: WriteAdvice = {
  grant: 'the verbs create and patch on nodereports.fairlead.dev and patch on nodereports.fairlead.dev/status',
  shrink: 'use fewer resources on this node, or fewer subnets per resource',
};

/** Applies reports to the status of the NodeReport of the node, which is made when it is missing. */
export function openReportSink(client: ApiClient): ReportSink {
  return {
    async write(report: NodeReport): Promise<void> {
      try {
        await writeReport(client, report);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        throw new ReportFailed(`the report of node ${report.metadata.name} was not written: ${writeTrouble(error, REPORTS, ADVICE)}`, {
          cause: error,
        });
      }
    },
  };
}

async function writeReport(client: ApiClient, { apiVersion, kind, metadata, status }: NodeReport): Promise<void> {
  const object = { apiVersion, kind, metadata: { name: metadata.name } };
  const applyStatus = (): Promise<unknown> =>
    client.apply(REPORTS, { ...object, status }, { fieldManager: AGENT_MANAGER, subresource: 'status' });
  try {
    await applyStatus();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.apply(REPORTS, object, { fieldManager: AGENT_MANAGER });
    await applyStatus();
  }
}
