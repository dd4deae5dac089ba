import { NODES } from '../../src/cluster/resource-types.ts';
import type { Random } from '../e2e/random.ts';
import { LENGTH, ZONES } from './overlay-sources.ts';
import type { OverlayStage } from './overlay-stage.ts';

/** Nodes that there are at once, at most. */
const MOST_NODES = 40;
/** Labels of the nodes that the pool selects. */
export const SELECTED = { overlay: 'yes' } as const;
const ZONE = 'topology.kubernetes.io/zone';

/**
 * What people and machines do: nodes come and go, agents fall silent, users delete NodeOverlayIPs, ask for addresses, and
 * delete the Nodes of machines that run on. */
export class People {
  readonly #stage: OverlayStage;
  readonly #chance: Random;
  readonly #note: (words: string) => void;
  #names = 0;
  /** Machines without a Node. */
  readonly #strays = new Set<string>();

  constructor(stage: OverlayStage, chance: Random, note: (words: string) => void) {
    this.#stage = stage;
    this.#chance = chance;
    this.#note = note;
    for (let i = 0; i < MOST_NODES / 2; i++) this.#join();
  }

  act(): void {
    const roll = this.#chance.fraction();
    const nodes = [...this.#stage.agents.keys()].filter((name) => !this.#strays.has(name));
    const node = this.#chance.pick(nodes);
    const rare = this.#chance.below(30);
    if (rare === 0) this.#forget(node);
    else if (rare === 1) this.#end(this.#chance.pick([...this.#strays]));
    else if (nodes.length < 10 || (roll < 0.4 && nodes.length < MOST_NODES)) this.#join();
    else if (!node) return;
    else if (roll < 0.7) this.leave(node);
    else if (roll < 0.8) this.#relabel(node);
    else if (roll < 0.86) this.#drop(node);
    else if (roll < 0.92) this.#ask(node);
    else if (roll < 0.94) this.#fallSilent(node);
    else this.#speak(this.#chance.pick([...this.#stage.overlay.silent]));
  }

  /** Nobody is silent any more. */
  speakAll(): void {
    for (const node of [...this.#stage.overlay.silent]) this.#speak(node);
  }

  /** No machine runs without a Node any more. */
  endAll(): void {
    for (const node of [...this.#strays]) this.#end(node);
  }

  get selected(): readonly string[] {
    const nodes = this.#stage.world.list(NODES, { labelSelector: 'overlay=yes' }).items;
    return nodes.map(({ metadata }) => metadata.name);
  }

  leave(name: string): void {
    this.#note(`leave ${name}`);
    this.#stage.removeNode(name);
  }

  /** A machine under a new name, or under that of one before. */
  #join(): void {
    const known = this.#chance.oneIn(3) ? `n${1 + this.#chance.below(Math.max(this.#names, 1))}` : undefined;
    const name = known !== undefined && !this.#stage.agents.has(known) ? known : `n${++this.#names}`;
    this.#note(`join ${name}`);
    this.#stage.join(name, this.#labels());
  }

  #labels(): Readonly<Record<string, string>> {
    const zone = this.#chance.pick(Object.keys(ZONES)) ?? 'a';
    return { [ZONE]: zone, ...(this.#chance.oneIn(8) ? {} : SELECTED) };
  }

  #relabel(name: string): void {
    const { labels = {} } = this.#stage.world.get(NODES, { name }).metadata;
    const { overlay, ...others } = labels;
    this.#note(`${overlay ? 'deselect' : 'select'} ${name}`);
    this.#stage.putNode(name, { labels: overlay ? others : { ...others, ...SELECTED } });
  }

  /** One that is silent would be given up soon, with the address on it. */
  #forget(name: string | undefined): void {
    if (name === undefined || this.#stage.overlay.silent.has(name)) return;
    this.#note(`forget ${name}`);
    this.#strays.add(name);
    this.#stage.forgetNode(name);
  }

  /** It is switched off, or its kubelet registers it again. */
  #end(name: string | undefined): void {
    if (name === undefined) return;
    const again = this.#chance.oneIn(2);
    this.#note(`${again ? 'register' : 'switch off'} ${name}`);
    this.#strays.delete(name);
    if (again) this.#stage.join(name, this.#labels());
    else this.#stage.switchOff(name);
  }

  #drop(name: string): void {
    this.#note(`drop ${name}`);
    this.#stage.drop(name);
  }

  #ask(name: string): void {
    if (this.#stage.ip(name)) this.#drop(name);
    if (this.#stage.ip(name)) return;
    const zone = this.#stage.world.get(NODES, { name }).metadata.labels?.[ZONE];
    const address = `${zone === 'a' ? ZONES.a : ZONES.b}.${this.#chance.below(64)}/${LENGTH}`;
    this.#note(`ask ${name} ${address}`);
    this.#stage.ask(name, [address]);
  }

  #fallSilent(name: string): void {
    this.#note(`silent ${name}`);
    this.#stage.overlay.silent.add(name);
    const agent = this.#stage.agents.get(name);
    if (agent) agent.dead = true;
  }

  #speak(name: string | undefined): void {
    if (name === undefined) return;
    this.#note(`speak ${name}`);
    this.#stage.overlay.silent.delete(name);
    const agent = this.#stage.agents.get(name);
    if (!agent) return;
    agent.dead = false;
    agent.look();
    this.#stage.overlay.begin(name);
  }
}
