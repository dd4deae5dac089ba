import assert from 'node:assert/strict';
import { Random, withRandom } from '../e2e/random.ts';
import { type Boundary, Mortals } from './mortals.ts';
import { LENGTH, ZONES } from './overlay-sources.ts';
import { OverlayStage } from './overlay-stage.ts';
import { Fate } from './torture-fate.ts';
import type { Figures, TortureOptions } from './torture-options.ts';
import { People, SELECTED } from './torture-people.ts';
import { faultsAtRest, wrongCounts } from './torture-rest.ts';
import { Watchman } from './watchman.ts';

const CONTROLLERS = 3;
const POOL = { nodeSelector: { matchLabels: SELECTED }, reclaim: { delay: '1s' } } as const;
/** Nodes that may stay when everything comes to rest. */
const LAST_NODES = 30;
/** Sim time: milliseconds. */
const MINUTE = 60_000;
/** Longer than anybody waits, or puts off anything. */
const LONG = 90 * MINUTE;
/** Long enough that everybody looks at everything once more. */
const QUIET = 11 * MINUTE;

/**
 * Three controllers, none of which believes that another leads, serve nodes that come and go. Each is stopped dead at requests that chance
 * picks, before they take effect or before their answer is there, and another begins; requests and watches are late; agents fall silent;
 * users delete NodeOverlayIPs, and ask for addresses. After every write a watchman looks.
 */
export async function torture(options: TortureOptions): Promise<Figures> {
  const chance = new Random(options.seed);
  return withRandom(chance, async () => {
    const run = new Torture(options, chance);
    try {
      await run.disturb();
      await run.rest();
      return run.figures;
    } catch (error) {
      throw new Error(`seed ${options.seed}: ${error instanceof Error ? error.message : String(error)}\n${run.trace()}`, { cause: error });
    } finally {
      await run.close();
    }
  });
}

class Torture {
  readonly #options: TortureOptions;
  readonly #chance: Random;
  readonly #stage = new OverlayStage();
  readonly #watchman = new Watchman(this.#stage);
  readonly #people: People;
  readonly #fate: Fate;
  readonly #mortals: Mortals;
  readonly #trace: string[] = [];
  #calm = false;
  #writes = 0;

  constructor(options: TortureOptions, chance: Random) {
    this.#options = options;
    this.#chance = chance;
    this.#fate = new Fate(chance);
    this.#mortals = new Mortals({
      stage: this.#stage,
      open: options.outside.open,
      boundary: (at) => this.#boundary(at),
      wrote: (at) => this.#wrote(at),
    });
    this.#stage.overlay.delay = () => chance.below(chance.oneIn(20) ? 3_000 : 100);
    this.#stage.putPoolSpec('default', { ...POOL, ipam: options.outside.ipam });
    for (let i = 0; i < CONTROLLERS; i++) this.#begin();
    this.#people = new People(this.#stage, chance, (words) => this.#note(words));
  }

  get figures(): Figures {
    const { crashes, stalls, calls, fatal } = this.#fate;
    const { given, back } = this.#watchman;
    const minutes = Math.round(this.#stage.time.now / 6_000) / 10;
    return { seed: this.#options.seed, given, back, crashes, boundaries: fatal.size, stalls, writes: this.#writes, calls, minutes };
  }

  trace(): string {
    return this.#trace.slice(-80).join('\n');
  }

  /** Until there were as many turns as was asked for. */
  async disturb(): Promise<void> {
    const { outside, turns, progress } = this.#options;
    while (this.#watchman.given < turns || this.#watchman.back < turns) {
      await this.#advance(this.#chance.below(400));
      outside.disturb?.(this.#chance);
      if (this.#chance.oneIn(50)) this.#chance.pick(this.#mortals.alive)?.api.cutWatches();
      else this.#people.act();
      progress?.(this.figures);
      assert.ok(this.#stage.time.now < 10 * LONG, 'there is no end to it');
    }
    assert.deepEqual(this.#fate.spared, [], 'no controller has ever died at these boundaries');
  }

  /** Nothing goes wrong any more, and everything must come to its end: at first also with requests that are not granted, then without. */
  async rest(): Promise<void> {
    this.#calm = true;
    this.#note('--- calm');
    await this.#options.outside.calm?.();
    this.#people.speakAll();
    this.#people.endAll();
    for (const name of this.#people.selected.slice(LAST_NODES)) this.#people.leave(name);
    const world = { stage: this.#stage, watchman: this.#watchman, outside: this.#options.outside };
    this.#stage.ask('nobody', [`${ZONES.a}.${this.#unused()}/${LENGTH}`]);
    await this.#settle(() => wrongCounts({ ...world, selected: this.#people.selected }));
    for (const { granted, deleting, node } of this.#watchman.ips) if (!granted && !deleting) this.#stage.drop(node);
    await this.#settle(() => faultsAtRest({ ...world, selected: this.#people.selected }));
    await this.#advance(QUIET);
    assert.deepEqual(faultsAtRest({ ...world, selected: this.#people.selected }), [], 'what has come to rest does not stay so');
  }

  async close(): Promise<void> {
    this.#calm = true;
    await this.#mortals.close();
    this.#stage.overlay.close();
  }

  /** Lets time pass until nothing is wrong any more. */
  async #settle(faults: () => readonly string[]): Promise<void> {
    const end = this.#stage.time.now + LONG;
    do await this.#advance(MINUTE / 4);
    while (faults().length > 0 && this.#stage.time.now < end);
    assert.deepEqual(faults(), []);
  }

  /** The last address of a zone that nobody has or asks for. */
  #unused(): number {
    const named = new Set(this.#watchman.ips.flatMap(({ addresses }) => addresses.map(({ address }) => address.text)));
    const taken = (i: number): boolean => named.has(`${ZONES.a}.${i}`) || this.#watchman.entries.has(`${ZONES.a}.${i}`);
    const all = Array.from({ length: 64 }, (_, i) => i);
    return all.findLast((i) => !this.#options.outside.reserved.includes(i) && !taken(i)) ?? assert.fail('everything is in use');
  }

  async #advance(milliseconds: number): Promise<void> {
    await this.#stage.time.advance(milliseconds, () => this.#watchman.look());
    for (const { bug } of this.#stage.processes) if (bug !== undefined) throw bug;
  }

  #note(words: string): void {
    this.#trace.push(`${(this.#stage.time.now / 1000).toFixed(3)} ${words}`);
  }

  #begin(): void {
    const { api } = this.#mortals.begin();
    api.lag = () => (!this.#calm && this.#chance.oneIn(10) ? this.#late(this.#chance.below(3_000)) : undefined);
  }

  #wrote({ process, call, name }: Boundary): void {
    this.#writes++;
    this.#note(`${process.name} did ${call} ${name ?? ''}`);
    this.#watchman.look();
  }

  #boundary(at: Boundary): void | Promise<void> {
    if (this.#calm) return;
    const fate = this.#fate.at(at);
    if (fate === 'death') {
      this.#note(`${at.process.name} died ${at.when} ${at.call} ${at.name ?? ''}`);
      this.#mortals.kill(at.process);
      this.#stage.after(this.#chance.below(3_000), () => this.#begin());
    } else if (fate > 0) return this.#late(fate);
  }

  #late(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#stage.after(milliseconds, resolve));
  }
}
