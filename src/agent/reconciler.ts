import type { NodeReport } from '../api/kinds/node-report.ts';
import type { OverlayReport, ResourceSource } from '../cluster/cluster.ts';
import type { Change, Drift, Failure, RememberedSysctl } from '../core/change.ts';
import { diff, forget, remember } from '../core/diff.ts';
import type { NodeFacts } from '../core/facts.ts';
import { guard } from '../core/guard.ts';
import type { Prefix } from '../core/ip/prefix.ts';
import type { NodePlan } from '../core/plan.ts';
import type { NodeIdentity } from '../core/planner/node.ts';
import { objectKey, RepairBudget } from '../core/repair.ts';
import { formatRef, type NodeOverlayIP, type ResourceSnapshot } from '../core/resources.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { FileFailed } from '../runtime/atomic-file.ts';
import type { Clock } from '../runtime/clock.ts';
import { DriftLedger, driftKey } from './drift-ledger.ts';
import { Grace } from './grace.ts';
import type { Recollection, SysctlMemory } from './memory.ts';
import { overlayReports } from './overlay-reports.ts';
import type { Owners } from './owners.ts';
import { Planner } from './planner.ts';
import { Probes } from './probes.ts';
import { buildReport, type RoundResult } from './report.ts';

export interface ReconcilerPorts {
  readonly kernel: Kernel;
  readonly source: ResourceSource;
  readonly memory: SysctlMemory;
  readonly clock: Clock;
}

export interface NodeOptions {
  readonly nodeName: string;
  readonly protect: readonly Prefix[];
}

/** What one round did and found. */
export interface RoundSummary {
  readonly seconds: number;
  readonly changes: readonly Change[];
  readonly failures: readonly Failure[];
  readonly drift: readonly Drift[];
  /** When the kernel had taken the changes, in microseconds of its clock. */
  readonly appliedAt: number;
  readonly ownedRoutes: number;
  /** Which resource a lost route belonged to. */
  readonly lastOwners: Owners;
}

/** What rounds amount to. */
export interface Account {
  /** From the notification to the repaired kernel, one per repaired object. */
  readonly healSeconds: readonly number[];
  readonly report: NodeReport;
  /** What the node says of its overlay addresses. */
  readonly overlays: readonly OverlayReport[];
}

/** One round after the other: look, plan, compare, guard, apply, report. What it keeps between rounds is time, never state of the kernel. */
export class Reconciler {
  readonly #ports: ReconcilerPorts;
  readonly #options: NodeOptions;
  readonly #planner = new Planner();
  readonly #grace = new Grace();
  readonly #ledger = new DriftLedger();
  readonly #repairs = new RepairBudget();
  readonly #probes: Probes;
  #remembered: readonly RememberedSysctl[] = [];
  #found: Omit<RoundResult, 'drift' | 'contested'> | undefined;
  #unsettled: RoundSummary[] = [];
  #report: NodeReport | undefined;
  /** When the last round began: what was not due then, it left for later. */
  #startedAt = 0;
  /** Of the round before: what was lost since belonged to that plan. */
  #owners: Owners | undefined;

  /** `again` is called when there is news that no other port announces. */
  constructor(ports: ReconcilerPorts, options: NodeOptions, again: () => void) {
    this.#ports = ports;
    this.#options = options;
    this.#probes = new Probes(ports, again);
  }

  /** Resolves when nobody on a link is being asked for anything. */
  async probed(): Promise<void> {
    await this.#probes.settled();
  }

  /** Answers what the log should say. A memory that cannot be read counts as empty: routes must not wait for a disk. */
  async prepare(): Promise<readonly string[]> {
    const { memory, source } = this.#ports;
    const warnings: string[] = [];
    const load = memory.load().catch((error: unknown): Recollection => {
      if (!(error instanceof FileFailed)) throw error;
      warnings.push(`which sysctls were set by an earlier agent is not known, so they stay as they are: ${error.message}`);
      return { sysctls: [] };
    });
    const [{ sysctls, unusable }] = await Promise.all([load, source.start()]);
    this.#remembered = sysctls;
    if (unusable !== undefined) warnings.push(unusable);
    return warnings;
  }

  /** @throws KernelUnavailable, which is transient. */
  async round(): Promise<RoundSummary> {
    const { kernel, source, clock } = this.#ports;
    const started = clock.now();
    this.#startedAt = started;
    const resources = source.snapshot();
    const { facts, owned } = await kernel.observe();
    const drift = kernel.takeDrift();
    const ownedBefore = owned.size;
    const { planned, owners } = this.#plan(resources, facts);
    this.#probes.update(planned.plan, ownOverlayIPs(resources, this.#options.nodeName));
    const changes = diff({ routes: owned, sysctls: this.#remembered }, planned.plan, facts);
    const { allowed } = guard(changes, resources.complete, this.#repairs, started);
    const failures = await this.#apply(allowed);
    const appliedAt = kernel.now();
    const lastOwners = this.#owners ?? owners;
    this.#owners = owners;
    if (failures.length === 0 && allowed.length === changes.length) await this.#forget(planned.plan);
    this.#found = { nodeName: this.#options.nodeName, resources, facts, planned, owners, failures, date: clock.date() };
    const seconds = (clock.now() - started) / 1000;
    const summary = {
      seconds,
      changes: allowed,
      failures,
      drift,
      appliedAt,
      ownedRoutes: ownedBefore + growth(allowed, failures),
      lastOwners,
    };
    if (drift.length > 0 || allowed.length > 0) this.#unsettled.push(summary);
    return summary;
  }

  /** Settles the rounds since the last call and reports. Apart from them, because in a burst of events the next repair goes first. */
  account(): Account {
    if (!this.#found) throw new Error('there is nothing to account for before the first round');
    const healSeconds = this.#unsettled.flatMap((round) => this.#settle(round));
    this.#unsettled = [];
    const { clock } = this.#ports;
    const wanted = new Set(['', ...this.#found.planned.plan.resources.map((resource) => formatRef(resource.meta.ref))]);
    this.#ledger.abandon((owner) => wanted.has(owner));
    this.#repairs.tidy(clock.now());
    const found = { ...this.#found, drift: this.#ledger.list(), contested: this.#repairs.contested(clock.now()) };
    this.#report = buildReport(found, this.#report);
    const { nodeOverlayIPs } = found.resources;
    return { healSeconds, report: this.#report, overlays: overlayReports({ nodeOverlayIPs, facts: found.facts, report: this.#report }) };
  }

  /** Milliseconds until a round is due though nothing happens: a grace period ends, or a delayed repair may go on. */
  nextRoundIn(): number | undefined {
    const now = this.#ports.clock.now();
    const repair = this.#repairs.nextIn(this.#startedAt);
    const repairIn = repair === undefined ? undefined : Math.max(0, this.#startedAt + repair - now);
    const waits = [this.#grace.nextIn(now), repairIn].filter((wait) => wait !== undefined);
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  /** A plan shows what is missing; when that has been so for too long, another plan follows from it at once. */
  #plan(resources: ResourceSnapshot, facts: NodeFacts): ReturnType<Planner['plan']> {
    const first = this.#planner.plan(resources, facts, this.#identity());
    const changed = this.#grace.update(first.planned.plan, this.#ports.clock.now());
    return changed ? this.#planner.plan(resources, facts, this.#identity()) : first;
  }

  #identity(): NodeIdentity {
    const { nodeName, protect } = this.#options;
    const { answers: probed, unasked } = this.#probes;
    return { name: nodeName, protect, overdue: this.#grace.overdue, remembered: this.#remembered, probed, unasked };
  }

  /** What a sysctl was before is on disk before it is changed; when it cannot be stored the sysctl is left alone. */
  async #apply(changes: readonly Change[]): Promise<readonly Failure[]> {
    if (changes.length === 0) return [];
    const unsafe = changes.filter((change) => change.op === 'set-sysctl' && !change.restores);
    const refusal = unsafe.length > 0 ? await this.#store(remember(this.#remembered, changes)) : undefined;
    if (refusal === undefined) return this.#ports.kernel.apply(changes);
    const failures = unsafe.map((change): Failure => ({ change, code: 'ESTATE', message: refusal }));
    return [...failures, ...(await this.#ports.kernel.apply(changes.filter((change) => !unsafe.includes(change))))];
  }

  /** Undefined when stored, else why not. */
  async #store(remembered: readonly RememberedSysctl[]): Promise<string | undefined> {
    try {
      await this.#ports.memory.save(remembered);
      this.#remembered = remembered;
      return undefined;
    } catch (error) {
      return `its present value could not be stored: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Once nothing is left to change, only what the plan keeps set is worth remembering. */
  async #forget(plan: NodePlan): Promise<void> {
    const kept = forget(this.#remembered, plan);
    if (kept.length < this.#remembered.length) await this.#store(kept);
  }

  /** Books what was lost and what is restored; answers the seconds from notification to repair of what was lost in this round. */
  #settle({ drift, lastOwners, changes, failures, appliedAt }: RoundSummary): number[] {
    if (drift.length === 0 && !this.#ledger.isOpen) return [];
    const { clock } = this.#ports;
    const failed = new Set(failures.map((failure) => failure.change));
    this.#ledger.note(drift, lastOwners, clock.date());
    const restored = this.#ledger.restored(changes.filter((change) => !failed.has(change)).map(objectKey), appliedAt);
    // A repair that had to wait counts as well: else every second one would be immediate in a fight.
    for (const loss of restored) if (loss.event !== 'LinkDown') this.#repairs.repaired(loss.key, clock.now());
    const fresh = new Set(drift.map(driftKey));
    return restored.filter((loss) => fresh.has(loss.key)).map((loss) => (appliedAt - loss.at) / 1e6);
  }
}

function ownOverlayIPs({ nodeOverlayIPs }: ResourceSnapshot, nodeName: string): readonly NodeOverlayIP[] {
  return nodeOverlayIPs.filter(({ node, deleting }) => node === nodeName && !deleting);
}

/** How many routes of ours changes have made. The kernel may say so a little later. */
function growth(changes: readonly Change[], failures: readonly Failure[]): number {
  const count = (op: Change['op'], done: readonly { readonly op: Change['op'] }[]): number => done.filter((each) => each.op === op).length;
  const failed = failures.map(({ change }) => change);
  return count('add-route', changes) - count('add-route', failed) - count('remove-route', changes) + count('remove-route', failed);
}
