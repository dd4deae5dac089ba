import type { NodeReport, ResourceReport } from '../api/kinds/node-report.ts';
import { formatChange, formatRoute, listSome } from '../core/render.ts';
import { formatRef } from '../core/resources.ts';
import type { Log } from '../runtime/log.ts';
import type { RoundSummary } from './reconciler.ts';

/** Tells in the log what a person would want to know: what changed, what went wrong, what was repaired. Each thing once. */
export class Narrator {
  readonly #nodeName: string;
  readonly #log: Log;
  #previous: NodeReport | undefined;

  constructor(nodeName: string, log: Log) {
    this.#nodeName = nodeName;
    this.#log = log;
  }

  tell(summary: RoundSummary): void {
    this.#changes(summary);
    this.#drift(summary);
    this.#resources(summary.report);
    this.#source(summary.report);
    this.#previous = summary.report;
  }

  #changes({ changes, failures, seconds }: RoundSummary): void {
    if (changes.length === 0) return;
    const done = changes.length - failures.length;
    const words = listSome(changes.map(formatChange).slice(0, 4), 3);
    const more = changes.length > 4 ? ` (${changes.length} in all)` : '';
    this.#log.info(
      `node ${this.#nodeName}: ${done} of ${changes.length} changes applied in ${(seconds * 1000).toFixed(1)} ms: ${words}${more}`,
    );
  }

  #drift({ drift, lastOwners, healSeconds }: RoundSummary): void {
    const [first] = drift;
    if (!first) return;
    const what = first.route ? formatRoute(first.route) : `${first.sysctl?.name} of ${first.sysctl?.device.name}`;
    const owner = first.route && lastOwners.of(first.route);
    const whose = owner ? ` of ${formatRef(owner)}` : '';
    const others = drift.length > 1 ? ` and ${drift.length - 1} more` : '';
    const micros = Math.round((healSeconds.at(-1) ?? 0) * 1e6);
    const healed = healSeconds.length > 0 ? `${healSeconds.length} restored in ${micros} us` : 'not restored';
    this.#log.warn(
      `node ${this.#nodeName}: ${first.event} from outside by ${first.process ?? 'another process'}: ${what}${whose}${others}; ${healed}`,
    );
  }

  #resources({ status }: NodeReport): void {
    const before = new Map(this.#previous?.status.resources.map((resource) => [formatRef(resource), resource]));
    for (const resource of status.resources) {
      const old = before.get(formatRef(resource));
      before.delete(formatRef(resource));
      if (old?.ready === resource.ready && old.message === resource.message) continue;
      this.#verdict(resource);
    }
    for (const name of before.keys()) this.#log.info(`${name} is no longer wanted on node ${this.#nodeName}`);
  }

  #verdict(resource: ResourceReport): void {
    const name = formatRef(resource);
    if (resource.ready) this.#log.info(`${name} is ready on node ${this.#nodeName}: ${resource.message}`);
    else this.#log.warn(`${name} is not ready on node ${this.#nodeName}: ${resource.reason}: ${resource.message}`);
  }

  #source({ status }: NodeReport): void {
    const told = new Set(this.#previous?.status.problems.map((problem) => `${problem.source} ${problem.message}`));
    for (const { source, line, message } of status.problems) {
      if (!told.has(`${source} ${message}`)) this.#log.warn(`${source}${line === undefined ? '' : `:${line}`}: ${message}`);
    }
    const before = this.#previous?.status;
    if (!status.complete && before?.incompleteReason !== status.incompleteReason) {
      this.#log.warn(`nothing is removed from node ${this.#nodeName} for now: ${status.incompleteReason ?? 'a source is incomplete'}`);
    } else if (status.complete && before?.complete === false) this.#log.info('every source has delivered: removals count again');
  }
}
