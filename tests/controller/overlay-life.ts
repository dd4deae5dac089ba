import assert from 'node:assert/strict';
import { OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { Random, withRandom } from '../e2e/random.ts';
import { type Boundary, Mortals } from './mortals.ts';
import { LENGTH, type Source, ZONES } from './overlay-sources.ts';
import { OverlayStage } from './overlay-stage.ts';
import { Watchman } from './watchman.ts';

export interface LifeOptions {
  readonly source: Source;
  /** Hears of every boundary; answers whether the controller dies there. */
  readonly dies: (boundary: string) => boolean;
  /** What is recorded at the provider, in words. */
  readonly records: () => readonly string[];
}

const SELECTED = { overlay: 'yes' } as const;
const ZONE = { 'topology.kubernetes.io/zone': 'a' } as const;
/** Sim time: milliseconds. */
const SECOND = 1_000;
const LONGEST = 3_600 * SECOND;
/** After which nothing happens any more that is worth waiting for. */
const QUIET = 30 * SECOND;

/** The whole life of overlay addresses under a controller that may die, and is followed by another then. */
export class Life {
  readonly #options: LifeOptions;
  readonly #stage = new OverlayStage();
  readonly #watchman = new Watchman(this.#stage);
  readonly #mortals: Mortals;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#mortals = new Mortals({
      stage: this.#stage,
      open: options.source.open,
      boundary: (at) => this.#boundary(at),
      wrote: () => this.#watchman.look(),
    });
  }

  /** What there was at the end of each of its chapters, in words. */
  async run(): Promise<readonly string[]> {
    return withRandom(new Random(1), async () => {
      try {
        return [await this.#given(), await this.#back(), await this.#givenAgain(), await this.#closed()];
      } finally {
        await this.#mortals.close();
        this.#stage.overlay.close();
      }
    });
  }

  /** The controller that lives is no more; another comes soon. */
  die(): void {
    for (const process of this.#mortals.alive) this.#mortals.kill(process);
    this.#stage.after(SECOND, () => void this.#mortals.begin());
  }

  /** One node gets some address, another that which a user has asked for. */
  #given(): Promise<string> {
    const { ipam } = this.#options.source;
    this.#stage.putPoolSpec('default', { ipam, nodeSelector: { matchLabels: SELECTED }, reclaim: { delay: '5s' } });
    this.#stage.join('n1', { ...SELECTED, ...ZONE });
    this.#stage.join('n2', { ...SELECTED, ...ZONE });
    this.#stage.ask('n2', [`${ZONES.a}.9/${LENGTH}`]);
    this.#mortals.begin();
    return this.#until('both are served', () => ['n1', 'n2'].every((node) => this.#stage.state(node).endsWith('Granted InPlace')));
  }

  /** One node is no longer selected, the machine of the other is no more. */
  #back(): Promise<string> {
    this.#select('n1', false);
    this.#stage.removeNode('n2');
    return this.#until('all is given back', () => this.#watchman.entries.size === 0);
  }

  #givenAgain(): Promise<string> {
    this.#select('n1', true);
    return this.#until('it is served again', () => this.#stage.state('n1').endsWith('Granted InPlace'));
  }

  #closed(): Promise<string> {
    this.#stage.world.delete(OVERLAY_POOLS, { name: 'default' });
    return this.#until('the pool is gone', () => !this.#stage.world.find(OVERLAY_POOLS, { name: 'default' }));
  }

  #select(node: string, selected: boolean): void {
    this.#stage.putNode(node, { labels: { ...ZONE, ...(selected ? SELECTED : {}) } });
  }

  /** Answers what there is then, when it has come to rest. */
  async #until(what: string, isSo: () => boolean): Promise<string> {
    const end = this.#stage.time.now + LONGEST;
    while (!isSo()) {
      assert.ok(this.#stage.time.now < end, `this never comes: ${what}\n${this.#picture()}`);
      await this.#advance(SECOND);
    }
    await this.#advance(QUIET);
    assert.ok(isSo(), `this does not last: ${what}\n${this.#picture()}`);
    return `${what}\n${this.#picture()}`;
  }

  async #advance(milliseconds: number): Promise<void> {
    await this.#stage.time.advance(milliseconds, () => this.#watchman.look());
    for (const { bug } of this.#stage.processes) if (bug !== undefined) throw bug;
  }

  #boundary({ when, call, name }: Boundary): void {
    if (this.#options.dies([when, call, name].filter((word) => word !== undefined).join(' '))) this.die();
  }

  #picture(): string {
    const there = this.#stage.world.find(OVERLAY_POOLS, { name: 'default' }) !== undefined;
    const objects = this.#watchman.ips.map(({ node, held }) => `${node} ${this.#stage.state(node)}${held ? ' held' : ''}`);
    const devices = [...this.#stage.overlay.devices].map(([key, addresses]) => `${key} ${[...addresses].join(' ')}`);
    return [
      `pool ${there ? `${this.#stage.poolState()}${this.#stage.pool().held ? ' held' : ''}` : 'none'}`,
      `ledger ${there ? this.#stage.ledger().join(', ') : ''}`,
      `objects ${objects.sort().join(', ')}`,
      `devices ${devices.sort().join(', ')}`,
      `records ${[...this.#options.records()].sort().join(', ')}`,
    ].join('\n');
  }
}
