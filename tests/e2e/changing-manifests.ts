import type { Agent } from '../lab/agent.ts';
import type { Random } from './random.ts';
import { documents, GATEWAY, OTHER_GATEWAY, staticRoute, wanted } from './support.ts';

/** In every version of the manifests. */
const STEADY = ['172.20.0.0/16', '2001:db8:20::/48'];
/** The same, but their gateway changes. More than the kernel gets in one batch. */
const FLIPPING = [...Array.from({ length: 300 }, (_, i) => `172.21.${i >> 8}.${i & 255}/32`), '2001:db8:21::/48'];
/** Files whose objects come, change and go. */
const FILES = 4;

/** What a file holds, and what is to be in the kernel for it. */
interface Content {
  readonly text: string;
  readonly routes: readonly string[];
  readonly loose: boolean;
}

/** A folder of manifests that changes at random, and what it demands at any time. */
export class ChangingManifests {
  readonly #folder: Pick<Agent, 'write' | 'remove'>;
  readonly #random: Random;
  readonly #files = new Map<string, Content>();

  constructor(folder: Pick<Agent, 'write' | 'remove'>, random: Random) {
    this.#folder = folder;
    this.#random = random;
    this.#put('steady.yaml', this.#object('steady', STEADY));
    this.#put('flipping.json', this.#object('flipping', FLIPPING));
  }

  /** Prefixes that are wanted at all times, as `ip` prints them. */
  readonly always: readonly string[] = [...STEADY, ...FLIPPING].map((subnet) => subnet.replace('/32', ''));

  /** As `ownRoutes` shows them. */
  get routes(): readonly string[] {
    return [...this.#files.values()].flatMap((file) => file.routes);
  }

  /** rp_filter of the private device. */
  get rpFilter(): string {
    return [...this.#files.values()].some((file) => file.loose) ? '2' : '0';
  }

  /** Replaces, adds or removes one to three files. */
  change(): void {
    for (let i = 0; i <= this.#random.below(3); i++) {
      const file = this.#random.below(FILES + 1);
      const name = `file${file}.yaml`;
      if (file === FILES) this.#put('flipping.json', this.#object('flipping', FLIPPING));
      else if (!this.#random.oneIn(4)) this.#put(name, this.#objects(file));
      else if (this.#files.delete(name)) this.#folder.remove(name);
    }
  }

  #put(name: string, content: Content): void {
    this.#folder.write(name, content.text);
    this.#files.set(name, content);
  }

  #objects(file: number): Content {
    const objects = Array.from({ length: 1 + this.#random.below(3) }, (_, i) => {
      const subnets = Array.from({ length: 1 + this.#random.below(20) }, (_, k) => `172.${24 + file}.${i}.${4 * k}/30`);
      return this.#object(`file${file}-${i}`, [...subnets, `2001:db8:${24 + file}:${i + 1}::/64`]);
    });
    return {
      text: documents(...objects.map((object) => object.text)),
      routes: objects.flatMap((object) => object.routes),
      loose: objects.some((object) => object.loose),
    };
  }

  #object(name: string, subnets: readonly string[]): Content {
    const gateways = this.#random.oneIn(2) ? GATEWAY : OTHER_GATEWAY;
    const loose = this.#random.oneIn(8);
    const via = { gateways: [{ address: gateways[4] }, { address: gateways[6] }] };
    return { text: staticRoute(name, subnets, { via, ...(loose && { reversePath: 'Loose' }) }), routes: wanted(subnets, gateways), loose };
  }
}
