import { nodeOverlayIPKind } from '../../api/kinds/node-overlay-ip.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type ApiClient, ApiError, type ApiObject, isConflict, isNotFound } from '../api-client.ts';
import { type OverlayReport, type OverlayReportSink, ReportFailed } from '../cluster.ts';
import { decideOverlayStatus } from '../decide-overlay-status.ts';
import { typeOf } from '../resource-types.ts';
import { AGENT_MANAGER } from './sink.ts';
import { type WriteAdvice, writeTrouble } from './write-trouble.ts';

const ADDRESSES = typeOf(nodeOverlayIPKind.definition);

const ADVICE: WriteAdvice = { grant: 'the verb get on nodeoverlayips.fairlead.dev and patch on nodeoverlayips.fairlead.dev/status' };

/** The controller writes the same object, so a version may be overtaken between reading and writing; never so often. */
const ATTEMPTS = 5;

export interface OverlaySinkOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
}

/**
 * Applies `device` and the condition DeviceReady to the status of NodeOverlayIPs. The API server does not look at the uid of a status that
 * is written, so the object is read first, and only that version of it is written.
 */
export function openOverlaySink(options: OverlaySinkOptions): OverlayReportSink {
  return {
    async write(report: OverlayReport): Promise<void> {
      try {
        await writeReport(options, report);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const words = writeTrouble(error, ADDRESSES, ADVICE);
        throw new ReportFailed(`the state of NodeOverlayIP ${report.name} was not written: ${words}`, { cause: error });
      }
    },
  };
}

async function writeReport({ client, clock }: OverlaySinkOptions, report: OverlayReport): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const object = await find(client, report);
    if (object === undefined) return;
    const status = decideOverlayStatus(object['status'], report, clock.date());
    if (status === undefined) return;
    const { apiVersion, kind, metadata } = object;
    const named = { apiVersion, kind, metadata: { name: metadata.name, resourceVersion: metadata.resourceVersion } };
    try {
      await client.apply(ADDRESSES, { ...named, status }, { fieldManager: AGENT_MANAGER, subresource: 'status' });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** Undefined when that very object is gone. A definition that is gone, too, answers 404: then there is nothing to say it to, either. */
async function find(client: ApiClient, { name, uid }: OverlayReport): Promise<ApiObject | undefined> {
  try {
    const object = await client.get(ADDRESSES, { name });
    return object.metadata.uid === uid ? object : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
