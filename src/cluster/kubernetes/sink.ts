import { type NodeReport, nodeReportKind } from '../../api/kinds/node-report.ts';
import { type ApiClient, ApiError, isNotFound } from '../api-client.ts';
import { installFix, olderDefinition, resourceName } from '../api-trouble.ts';
import { ReportFailed, type ReportSink } from '../cluster.ts';
import { typeOf } from '../resource-types.ts';

/** Who owns what an agent writes. */
export const AGENT_MANAGER = 'fairlead-agent';

const REPORTS = typeOf(nodeReportKind);

/** Applies reports to the status of the NodeReport of the node, which is made when it is missing. */
export function openReportSink(client: ApiClient): ReportSink {
  return {
    async write(report: NodeReport): Promise<void> {
      try {
        await writeReport(client, report);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        throw new ReportFailed(`the report of node ${report.metadata.name} was not written: ${explained(error)}`, { cause: error });
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

/** With the fix, as far as the status tells what is wrong. */
function explained(error: ApiError): string {
  const { message, status } = error;
  const name = resourceName(REPORTS);
  if (status === 403 && message.includes('ValidatingAdmissionPolicy')) {
    return `${message}; give the agent a token that is bound to a pod on this node, and see whether --node is right`;
  }
  if (status === 403) return `${message}; grant the verbs create and patch on ${name} and patch on ${name}/status`;
  if (status === 404) return `${message}; ${REPORTS.kind} is not installed: ${installFix(REPORTS)}`;
  if (status === 413 || /too (large|long|big)/i.test(message)) {
    return `${message}; it is too large for the API server: use fewer resources on this node, or fewer subnets per resource`;
  }
  const older = olderDefinition(error, REPORTS);
  // What does not fit the schema of a definition is refused as 500 by whatever merges it.
  const unfit = [400, 422].includes(status) || message.includes('typed patch object');
  if (older === '' && unfit) return `${message}; the CRDs may be of another version than this agent: ${installFix(REPORTS)}`;
  return `${message}${older}`;
}
