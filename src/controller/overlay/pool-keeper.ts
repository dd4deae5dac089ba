import type { Prefix } from '../../core/ip/prefix.ts';
import { type AgentWait, agentWait, named } from './agent-waits.ts';
import { Announcer } from './announcer.ts';
import { Claimer } from './claimer.ts';
import { ContestJudge } from './contest-judge.ts';
import { lackedFamilies } from './decide-families.ts';
import { decideFindings } from './decide-findings.ts';
import type { StatusWorld } from './decide-ip-status.ts';
import { decideLedger, type LedgerDecision, type LedgerWorld, selectedBy } from './decide-ledger.ts';
import { decidePoolStatus, type PoolFindings } from './decide-pool-status.ts';
import { decideStep, type Step } from './decide-step.ts';
import { decideSupply, rangeOf, type Supply } from './decide-supply.ts';
import { Departures } from './departures.ts';
import { EntryNotes } from './entry-notes.ts';
import { type FailingDevice, failingDevices } from './failing-devices.ts';
import { isUntouched, type OverlayIPView } from './ip-view.ts';
import { IpamKeeper } from './ipam-keeper.ts';
import { JobRunner } from './job-runner.ts';
import { Lasting } from './lasting.ts';
import { Latest } from './latest.ts';
import { byNode, type Entry, keyOf } from './ledger.ts';
import { LedgerBase } from './ledger-base.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { NODE_OVERLAY_IPS } from './names.ts';
import { NodeJobs } from './node-jobs.ts';
import { ObjectMemory } from './object-memory.ts';
import { ANSWER_MS, isAwaited, LEAST_MS } from './patience.ts';
import type { PoolPorts, PoolRound, PoolTotals } from './pool-ports.ts';
import { type PoolView, tells } from './pool-view.ts';
import type { Verdict } from './reasons.ts';
import { releaseDue } from './release-due.ts';
import { zoneOf } from './zone.ts';

/** How long nodes may be without their addresses before the pool says so. Milliseconds. */
const SERVICE_MS = 5_000;
/** How long a device may fail before the pool says so: what an agent tries again may succeed. Milliseconds. */
const DEVICE_MS = 10_000;
/** What is due already, and was not done, waits for something else: so it is looked at again, but not at once. Milliseconds. */
const SHORTEST_WAKE_MS = 50;
/** How often is looked for what a person may change elsewhere, while a pool has nothing left, or cannot see what it is to give back. Milliseconds. */
const EXHAUSTED_LOOK_MS = 30_000;

interface Present {
  readonly round: PoolRound;
  readonly pool: PoolView | undefined;
  readonly objects: ReadonlyMap<string, OverlayIPView>;
  readonly supply: Supply | undefined;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** Keeps one pool: its ledger, its status, and the NodeOverlayIPs of its nodes. Everything is decided anew in each round. */
export class PoolKeeper {
  readonly #ports: PoolPorts;
  readonly #base: LedgerBase;
  readonly #memory: ObjectMemory;
  readonly #departures = new Departures();
  readonly #notes = new EntryNotes();
  readonly #announcer: Announcer;
  readonly #ipam: IpamKeeper;
  readonly #claimer: Claimer;
  readonly #writer: LedgerWriter;
  readonly #runner: JobRunner;
  /** What is found out about the pool as a whole: a job of each kind at most. */
  readonly #acquaintances: JobRunner;
  readonly #contests: ContestJudge;
  readonly #jobs: NodeJobs;
  readonly #pool: Latest<PoolView | undefined>;
  #present: Present | undefined;
  #totals: PoolTotals | undefined;
  readonly #unserved = new Lasting<true>(SERVICE_MS);
  readonly #waits = new Lasting<AgentWait>(ANSWER_MS);
  readonly #failing = new Lasting<FailingDevice>(DEVICE_MS);
  #cancelWake: (() => void) | undefined;

  constructor(ports: PoolPorts) {
    const { name, api, clock, again, onBug, signal, measure, events, openProvider } = ports;
    this.#ports = ports;
    this.#base = new LedgerBase(clock);
    this.#memory = new ObjectMemory(clock);
    this.#announcer = new Announcer(events);
    this.#pool = new Latest({ clock, signal, ask: () => this.#askPool() });
    const common = { clock, again, onBug, signal };
    this.#ipam = new IpamKeeper({
      ...common,
      open: openProvider,
      observe: (call, outcome) => measure.ipam(name, call, outcome),
      ledger: () => this.#base.view?.ledger ?? new Map(),
    });
    this.#claimer = new Claimer({ ipam: this.#ipam, onBug, signal });
    this.#writer = new LedgerWriter({
      ...common,
      api,
      base: this.#base,
      observe: (outcome) => measure.ledger(name, outcome),
      notes: this.#notes,
      written: (entered, gone) => this.#log(entered, gone),
    });
    this.#runner = new JobRunner(common);
    this.#acquaintances = new JobRunner(common);
    this.#contests = new ContestJudge({ name, api, memory: this.#memory, runner: this.#acquaintances, askPool: () => this.#pool.get() });
    this.#jobs = new NodeJobs({
      pool: name,
      api,
      ipam: this.#ipam,
      memory: this.#memory,
      askPool: () => this.#pool.get(),
      worldOf: (node, entries) => this.#worldOf(node, entries),
      verdictOn: (node) => this.#present?.verdicts.get(node),
      isHeard: (node) => this.#present?.round.isHeard(node) ?? false,
      isAwaitedWithoutNode: (node, object) => this.#isAwaited(node, object, false),
      lengthOf: (entry) => this.#lengthOf(entry),
      notes: this.#notes,
      clock,
      announce: (object, verdict) => this.#announcer.ip(object, verdict),
    });
  }

  /** What is counted of it; undefined while there is no such pool. */
  get totals(): PoolTotals | undefined {
    return this.#totals;
  }

  /** Of its ranges; undefined until they are known. */
  get subnets(): readonly Prefix[] | undefined {
    return this.#ipam.inventory?.ranges.map(({ subnet }) => subnet);
  }

  /** Addresses that it has given, or is giving. */
  get held(): ReadonlySet<string> {
    return this.#writer.underway.union(this.#base.view?.ledger ?? new Map());
  }

  round(round: PoolRound): void {
    const { clock } = this.#ports;
    this.#base.watched(round.view);
    const pool = this.#base.view;
    const objects = this.#memory.current(round.objects);
    this.#departures.look(objects, { now: clock.now(), attended: round.attended });
    const due = pool ? this.#keep(pool, objects, round) : this.#keepOrphaned(objects, round);
    this.#wakeAt(Math.min(due, this.#departures.due, this.#runner.due, this.#acquaintances.due, this.#jobs.due));
  }

  async close(): Promise<void> {
    this.#cancelWake?.();
    const parts = [this.#runner, this.#writer, this.#claimer, this.#acquaintances, this.#ipam];
    await Promise.all(parts.map((part) => part.close()));
  }

  /** Answers when it is to be looked at again because of time alone. */
  #keep(pool: PoolView, objects: ReadonlyMap<string, OverlayIPView>, round: PoolRound): number {
    const { clock } = this.#ports;
    if (!this.#base.familiar) this.#acquaint();
    this.#ipam.use(pool);
    const supply = this.#supplyOf(round);
    const decision = decideLedger(this.#ledgerWorld(pool, objects, supply, round));
    this.#present = { round, pool, objects, supply, verdicts: decision.verdicts };
    const missing = this.#notes.follow(pool.ledger, decision.unrecorded, clock.now());
    if (missing !== undefined) this.#ipam.want(missing);
    this.#claimer.consider(pool.ledger, objects);
    this.#contests.settle(decision.contests);
    const waits = this.#waits.look(this.#step(pool, decision), round.attended, (wait) => tells(pool, named(wait)));
    const findings = this.#findings(decision, waits);
    this.#announcer.pool(pool, findings.problems);
    const status = decidePoolStatus(findings);
    this.#count(status);
    if (
      findings.waiting.some(({ reason }) => reason === 'PoolExhausted') ||
      decision.unrecorded.some((entry) => this.#ipam.isOutOfSight(entry))
    )
      this.#lookForMore();
    return Math.min(
      this.#ipam.lookWhenDue(),
      this.#writer.round(pool, decision, status, this.#isKnown(pool, supply)),
      releaseDue(decision.ledger, clock),
      clock.now() + Math.min(this.#unserved.left, Math.max(LEAST_MS, Math.min(this.#waits.left, this.#failing.left))),
    );
  }

  /** Whether it is known what to say of a pool, be it that its ranges cannot be seen. */
  #isKnown({ spec }: PoolView, supply: Supply | undefined): boolean {
    return this.#base.familiar && (!spec || supply !== undefined || this.#ipam.trouble('look') !== undefined);
  }

  #supplyOf({ around, older }: PoolRound): Supply | undefined {
    const { inventory } = this.#ipam;
    return inventory && around && decideSupply(inventory, around, older);
  }

  #ledgerWorld(pool: PoolView, objects: ReadonlyMap<string, OverlayIPView>, supply: Supply | undefined, round: PoolRound): LedgerWorld {
    const pending = { reason: 'Pending', message: 'it is being found out which addresses there are' } as const;
    const unreadable = { reason: 'InvalidSpec', message: `the spec of OverlayPool ${pool.name} cannot be read: ${pool.problem}` } as const;
    return {
      pool,
      nodes: round.nodes,
      objects,
      supply,
      shortage: pool.spec ? (this.#ipam.trouble('look') ?? pending) : unreadable,
      elsewhere: round.elsewhere,
      orphans: this.#ipam.orphans,
      recordOf: (entry) => this.#recordOf(entry),
      finished: this.#notes.finished,
      taken: this.#notes.taken,
      refused: (uid, address) => this.#notes.refused(uid, address),
      waitFor: (node) => this.#waits.long(node, round.attended),
      familiar: this.#base.familiar,
      isProven: (contest) => this.#contests.isProven(contest),
      date: this.#ports.clock.date(),
    };
  }

  #recordOf(entry: Entry): string | null | undefined {
    return this.#ipam.recordOf(entry, this.#notes.wantedSince(entry));
  }

  /** Starts what is to be done. Answers the agents that are waited for, by node. */
  #step(pool: PoolView, { verdicts, contests }: LedgerDecision): ReadonlyMap<string, AgentWait> {
    const { objects, round, supply } = this.#present ?? {};
    const entries = byNode(pool.ledger);
    const isSelected = selectedBy(pool);
    const contested = new Set(contests.map(({ address }) => address.text));
    const waits = new Map<string, AgentWait>();
    const names = new Set([...entries.keys(), ...(objects?.keys() ?? [])]);
    for (const node of names) {
      const own = entries.get(node) ?? [];
      const object = objects?.get(node);
      const view = round?.nodes.get(node);
      if (object && !isUntouched(object)) for (const entry of own) this.#notes.use(entry);
      const [present, selected, heard] = [view !== undefined, isSelected(view), round?.isHeard(node) ?? false];
      const awaited = this.#isAwaited(node, object, present);
      const step = decideStep({
        entries: own,
        object,
        verdict: verdicts.get(node),
        awaited,
        selected,
        heard,
        justGone: this.#departures.justGone(node),
        overdue: object !== undefined && this.#departures.overdue(object),
        unused: own.every((entry) => !entry.releasing || this.#notes.isUnused(entry)),
        lacking: view !== undefined && supply !== undefined && lackedFamilies(zoneOf(view.labels), own, supply).length > 0,
        closing: pool.deleting,
      });
      const wait = agentWait(step, { node, object, present, selected, heard, awaited, before: this.#waits.at(node) });
      if (wait) waits.set(node, wait);
      if (step.type !== 'serve' || !step.entries.some(({ address }) => contested.has(address.text))) this.#start(node, step);
    }
    this.#runner.keep((node) => names.has(node));
    return waits;
  }

  #isAwaited(node: string, object: OverlayIPView | undefined, present: boolean): boolean {
    const { round } = this.#present ?? {};
    if (!round) return true;
    return isAwaited({
      present,
      heard: round.isHeard(node),
      astray: round.isStray(node),
      asked: object && this.#departures.leavingFor(object),
      removing: object?.deviceSaid?.reason === 'Removing',
    });
  }

  #start(node: string, step: Step): void {
    if (this.#runner.isRejected(node) && !this.#hasToWrite(step)) this.#runner.settle(node);
    if (step.type === 'none' || step.type === 'wait' || !this.#runner.isFree(node) || !this.#ports.api.isFree(NODE_OVERLAY_IPS)) return;
    if (step.type === 'serve' && step.entries.some((entry) => this.#notes.taken.has(keyOf(entry)))) return;
    if (step.type === 'serve' && !step.object?.granted && (!this.#present?.supply || !this.#ipam.isFree('claim'))) return;
    if (step.type === 'release' && step.entries.some(({ record }) => record !== undefined) && !this.#ipam.isFree('release')) return;
    // What is done already has only to go from the ledger.
    if (step.type === 'release' && step.entries.every((entry) => this.#notes.finished.has(keyOf(entry)))) return;
    if (step.type === 'tell' && !this.#jobs.hasToTell(step)) return;
    this.#runner.start(node, () => this.#jobs.run(node, step));
  }

  #hasToWrite(step: Step): boolean {
    return step.type === 'tell' ? this.#jobs.hasToTell(step) : step.type !== 'none' && step.type !== 'wait';
  }

  #findings(decision: LedgerDecision, waits: readonly AgentWait[]): PoolFindings {
    const { pool, supply, objects, round } = this.#present ?? {};
    if (!pool || !objects || !round) throw new Error('a pool is looked at before there is one');
    const { clock } = this.#ports;
    return decideFindings({
      ...{ pool, supply, objects, decision, waits },
      nodes: round.nodes,
      elsewhere: round.elsewhere,
      ipam: {
        look: this.#ipam.trouble('look'),
        claim: this.#ipam.trouble('claim'),
        release: this.#ipam.trouble('release'),
        external: this.#ipam.external,
      },
      outOfSight: decision.unrecorded.filter((entry) => this.#ipam.isOutOfSight(entry)),
      failing: this.#failing.look(failingDevices(objects.values()), round.attended, ({ message }) => tells(pool, message)),
      rejections: this.#runner.rejections,
      isLate: (unserved) => this.#unserved.look(new Map<string, true>(unserved ? [['pool', true]] : []), clock.now()).length > 0,
      date: clock.date(),
    });
  }

  #lookForMore(): void {
    const { clock } = this.#ports;
    if (this.#ipam.external && clock.now() - this.#ipam.lookedAt >= EXHAUSTED_LOOK_MS) this.#ipam.want(clock.now());
  }

  /** NodeOverlayIPs of a pool that is not there: what is in use stays so, and what is deleted may go. */
  #keepOrphaned(objects: ReadonlyMap<string, OverlayIPView>, round: PoolRound): number {
    const message = `there is no OverlayPool ${this.#ports.name}: create it, or delete this object`;
    const verdicts = new Map([...objects.keys()].map((node) => [node, { node, reason: 'NoSuchPool' as const, message }]));
    this.#present = { round, pool: undefined, objects, supply: undefined, verdicts };
    this.#totals = undefined;
    for (const [node, object] of objects) {
      const step = decideStep({
        entries: [],
        object,
        verdict: round.nodes.has(node) ? undefined : verdicts.get(node),
        awaited: this.#isAwaited(node, object, round.nodes.has(node)),
        selected: false,
        heard: false,
        justGone: false,
        overdue: this.#departures.overdue(object),
        unused: false,
        lacking: false,
        closing: true,
      });
      this.#start(node, step);
    }
    return Number.POSITIVE_INFINITY;
  }

  #worldOf(node: string, entries: readonly Entry[]): StatusWorld {
    const { pool, round, supply } = this.#present ?? {};
    const view = round?.nodes.get(node);
    // While a spec cannot be read nobody is sent away.
    const selected = pool !== undefined && (pool.spec === undefined ? view !== undefined : selectedBy(pool)(view));
    return {
      pool,
      node: view,
      selected,
      supply,
      entries,
      recordOf: (entry) => this.#recordOf(entry),
      gatewayOf: (address) => this.#departures.remembered(address)?.gateway,
      date: this.#ports.clock.date(),
    };
  }

  #lengthOf(entry: Entry): number | undefined {
    const { supply } = this.#present ?? {};
    return (supply && rangeOf(supply, entry.address)?.subnet.length) ?? this.#departures.remembered(entry.address)?.prefixLength;
  }

  async #askPool(): Promise<PoolView | undefined> {
    const view = await this.#ports.api.readPool(this.#ports.name);
    this.#base.answered(view);
    return this.#base.familiar ? view : undefined;
  }

  /** Reads every NodeOverlayIP: what the watch shows may be older than the ledger. */
  #acquaint(): void {
    const { name } = this.#ports;
    if (!this.#acquaintances.isFree(name)) return;
    this.#acquaintances.start(name, async () => {
      const { surprises } = this.#base;
      for (const view of await this.#ports.api.listIPs(name)) this.#memory.note(view);
      this.#base.acquaint(surprises);
    });
  }

  #log(entered: readonly Entry[], gone: readonly Entry[]): void {
    const words = [...told(entered, 'for'), ...told(gone, 'free again, was that of')];
    if (words.length > 0) this.#ports.log.info(`OverlayPool ${this.#ports.name}: ${words.join('; ')}`);
  }

  #count(status: { readonly [count: string]: unknown }): void {
    const number = (name: string): number => (typeof status[name] === 'number' ? status[name] : 0);
    const waiting = Array.isArray(status['waiting']) ? status['waiting'].length : 0;
    const { name } = this.#ports;
    this.#totals = { name, capacity: number('capacity'), allocated: number('allocated'), free: number('free'), waiting };
  }

  #wakeAt(due: number): void {
    const { clock, again } = this.#ports;
    this.#cancelWake?.();
    this.#cancelWake = due === Number.POSITIVE_INFINITY ? undefined : clock.after(Math.max(SHORTEST_WAKE_MS, due - clock.now()), again);
  }
}

function told(entries: readonly Entry[], words: string): readonly string[] {
  const [first] = entries;
  if (!first) return [];
  const rest = entries.length > 1 ? `, and ${entries.length - 1} more` : '';
  return [`${first.address} ${words} node ${first.node}${rest}`];
}
