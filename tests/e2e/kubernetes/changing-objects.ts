import type { Api } from '../../lab/kubernetes/api.ts';
import type { Random } from '../random.ts';
import { GATEWAY, kernelRoute, OTHER_GATEWAY, ROUTES, staticRoute } from './support.ts';

const STEADY = ['172.20.0.0/16', '172.22.0.0/16'];
/** The same, but their gateway changes. */
const FLIPPING = Array.from({ length: 20 }, (_, i) => `172.21.${i}.0/24`);
/** Objects that come, change and go. */
const OTHERS = 8;

interface Content {
  readonly subnets: readonly string[];
  readonly gateway: string;
}

/** StaticRoutes that change at random, and what they demand of every node. */
export class ChangingObjects {
  readonly #api: Api;
  readonly #random: Random;
  readonly #objects = new Map<string, Content>();

  private constructor(api: Api, random: Random) {
    this.#api = api;
    this.#random = random;
  }

  static async create(api: Api, random: Random): Promise<ChangingObjects> {
    const objects = new ChangingObjects(api, random);
    await objects.#put('steady', { subnets: STEADY, gateway: GATEWAY });
    await objects.#put('flipping', { subnets: FLIPPING, gateway: GATEWAY });
    return objects;
  }

  /** Prefixes that are wanted at all times. */
  readonly always: readonly string[] = [...STEADY, ...FLIPPING];

  get names(): readonly string[] {
    return [...this.#objects.keys()];
  }

  /** As `ownRoutes` shows them. */
  get routes(): readonly string[] {
    return [...this.#objects.values()].flatMap(({ subnets, gateway }) => subnets.map((subnet) => kernelRoute(subnet, gateway)));
  }

  /** One change. */
  async change(): Promise<void> {
    const random = this.#random;
    const gateway = random.oneIn(2) ? GATEWAY : OTHER_GATEWAY;
    if (random.oneIn(3)) return this.#put('flipping', { subnets: FLIPPING, gateway });
    const i = random.below(OTHERS);
    const name = `r${i}`;
    if (random.oneIn(2) && this.#objects.has(name)) return this.#remove(name);
    return this.#put(name, { subnets: Array.from({ length: 1 + random.below(4) }, (_, j) => `172.23.${16 * i + j}.0/24`), gateway });
  }

  async #put(name: string, content: Content): Promise<void> {
    const object = staticRoute(name, { subnets: content.subnets, via: { gateway: content.gateway } });
    const { spec } = object as { readonly spec: unknown };
    if (this.#objects.has(name)) await this.#api.patch(`${ROUTES}/${name}`, { spec });
    else await this.#api.post(ROUTES, object);
    this.#objects.set(name, content);
  }

  async #remove(name: string): Promise<void> {
    await this.#api.delete(`${ROUTES}/${name}`);
    this.#objects.delete(name);
  }
}
