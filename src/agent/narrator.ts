import type { NodeReport, ResourceReport } from '../api/kinds/node-report.ts';
import type { Drift } from '../core/change.ts';
import { formatAddress, formatChange, formatRoute } from '../core/render.ts';
import { formatRef } from '../core/resources.ts';
import type { Log } from '../runtime/log.ts';
import type { Telling } from './agent.ts';
import type { RoundSummary } from './reconciler.ts';

/** So many changes are spelled out, the rest counted. */
const SHOWN = 3;

/** Tells in the log what a person would want to know: what changed, what went wrong, what was repaired. Each thing once. */
export class Narrator {
  readonly #nodeName: string;
  readonly #log: Log;
  #previous: NodeReport | undefined;

  constructor(nodeName: string, log: Log) {
    this.#nodeName = nodeName;
    this.#log = log;
  }

  tell({ rounds, healSeconds, report }: Telling): void {
    this.#changes(rounds.filter((round) => round.changes.length > 0));
    this.#drift(
      rounds.filter((round) => round.drift.length > 0),
      healSeconds,
    );
    this.#resources(report);
    this.#source(report);
    this.#previous = report;
  }

  #changes(rounds: readonly RoundSummary[]): void {
    if (rounds.length === 0) return;
    const total = rounds.reduce((sum, round) => sum + round.changes.length, 0);
    const failed = rounds.reduce((sum, round) => sum + round.failures.length, 0);
    const milliseconds = rounds.reduce((sum, round) => sum + round.seconds, 0) * 1000;
    const shown = rounds.flatMap((round) => round.changes.slice(0, SHOWN)).slice(0, SHOWN);
    const more = total > SHOWN ? ` and ${total - SHOWN} more` : '';
    const words = `${shown.map(formatChange).join(', ')}${more}`;
    this.#log.info(`node ${this.#nodeName}: ${total - failed} of ${total} changes applied in ${milliseconds.toFixed(1)} ms: ${words}`);
  }

  #drift(rounds: readonly RoundSummary[], heals: readonly number[]): void {
    const [first] = rounds;
    const loss = first && tellingMost(first.drift);
    if (!first || !loss) return;
    const what = lostIn(loss);
    const owner = loss.route && first.lastOwners.of(loss.route);
    const whose = owner ? ` of ${formatRef(owner)}` : '';
    const total = rounds.reduce((sum, round) => sum + round.drift.length, 0);
    const others = total > 1 ? ` and ${total - 1} more` : '';
    const micros = Math.round(heals.reduce((longest, seconds) => Math.max(longest, seconds), 0) * 1e6);
    const many = heals.length === 1 ? `restored in ${micros} us` : `${heals.length} restored, the slowest in ${micros} us`;
    const healed = heals.length > 0 ? many : 'not restored';
    const doer = loss.process ?? 'another process';
    this.#log.warn(`node ${this.#nodeName}: ${loss.event} from outside by ${doer}: ${what}${whose}${others}; ${healed}`);
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

/** Routes and addresses go with their device: what was done to that says why. */
function tellingMost(drift: readonly Drift[]): Drift | undefined {
  return drift.find(({ link }) => link !== undefined) ?? drift.find(({ event }) => event !== 'LinkDown') ?? drift[0];
}

/** What was lost, as `ip` has it. */
function lostIn({ route, sysctl, link, address, event }: Drift): string {
  if (route) return formatRoute(route);
  if (sysctl) return `${sysctl.name} of ${sysctl.device.name}`;
  if (address) return formatAddress(address);
  return link === undefined ? event : `device ${link}`;
}
