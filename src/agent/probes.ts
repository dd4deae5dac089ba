import type { Address } from '../core/ip/address.ts';
import { type NodePlan, type Probe, probeKey } from '../core/plan.ts';
import type { NodeIdentity } from '../core/planner/node.ts';
import type { NodeOverlayIP } from '../core/resources.ts';
import { type Kernel, KernelUnavailable } from '../kernel/kernel.ts';
import type { Clock } from '../runtime/clock.ts';

/** How long somebody else's answer counts before it is asked again. */
const TAKEN_MS = 30_000;
/** After a kernel that could not ask. */
const RETRY_MS = 1_000;
/** IPv6 asks by itself when the address is added (RFC 4862); it does not say who has answered. */
const SOMEBODY = 'another host';

export interface ProbePorts {
  readonly kernel: Pick<Kernel, 'probe'>;
  readonly clock: Clock;
}

/**
 * Asks once for each address that is to be added whether somebody else has it. That nobody had it counts for as long as the address is this
 * node's, so that what is taken away from outside comes back at once.
 */
export class Probes {
  readonly #ports: ProbePorts;
  readonly #again: () => void;
  readonly #asking = new Map<string, Promise<void>>();
  #answers: NodeIdentity['probed'] = new Map();
  #unasked: ReadonlyMap<string, string> = new Map();
  #retrying: (() => void) | undefined;

  /** `again` is called when there is an answer, and when it is time to ask anew. */
  constructor(ports: ProbePorts, again: () => void) {
    this.#ports = ports;
    this.#again = again;
  }

  /** By `probeKey`; the same value until something of it is different. */
  get answers(): NodeIdentity['probed'] {
    return this.#answers;
  }

  /** Why the kernel could not ask, by `probeKey`; the same value until something of it is different. */
  get unasked(): ReadonlyMap<string, string> {
    return this.#unasked;
  }

  /** Resolves when nothing is asked any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#asking.values());
  }

  /** Asks what a plan wants to know, and forgets what no longer matters. */
  update({ resources }: NodePlan, own: readonly NodeOverlayIP[]): void {
    const devices = new Set(
      resources.flatMap(({ links, addresses, probes }) => [
        ...links.map(({ parent }) => parent.name),
        ...[...addresses, ...probes].map(({ device }) => device.name),
      ]),
    );
    const wanted = own.flatMap(({ addresses }) => addresses.map(({ address }) => address));
    this.#forget(devices, wanted);
    for (const probe of resources.flatMap(({ probes }) => probes)) {
      const key = probeKey(probe);
      if (!this.#answers.has(key) && !this.#asking.has(key)) this.#ask(key, probe);
    }
  }

  #forget(devices: ReadonlySet<string>, wanted: readonly Address[]): void {
    const keys = new Set([...devices].flatMap((name) => wanted.map((address) => probeKey({ device: { name }, address }))));
    this.#answers = only(this.#answers, (key) => keys.has(key));
    this.#unasked = only(this.#unasked, (key) => keys.has(key));
  }

  #ask(key: string, probe: Probe): void {
    const asking = this.#answerTo(probe).then(
      (holder) => this.#take(key, holder),
      (error: unknown) => {
        if (!(error instanceof KernelUnavailable)) throw error;
        if (this.#unasked.get(key) !== error.message) this.#unasked = new Map([...this.#unasked, [key, error.message]]);
        this.#retry();
      },
    );
    this.#asking.set(
      key,
      asking.finally(() => this.#asking.delete(key)),
    );
  }

  /** One timer, however many rounds find that the kernel cannot ask: each would make another round. */
  #retry(): void {
    this.#retrying ??= this.#ports.clock.after(RETRY_MS, () => {
      this.#retrying = undefined;
      this.#again();
    });
  }

  async #answerTo(probe: Probe): Promise<string | undefined> {
    return probe.address.family === 6 ? SOMEBODY : (await this.#ports.kernel.probe(probe)).holder;
  }

  #take(key: string, holder: string | undefined): void {
    this.#answers = new Map([...this.#answers, [key, holder]]);
    this.#unasked = only(this.#unasked, (other) => other !== key);
    if (holder !== undefined) this.#ports.clock.after(TAKEN_MS, () => this.#drop(key));
    this.#again();
  }

  #drop(key: string): void {
    this.#answers = only(this.#answers, (other) => other !== key);
    this.#again();
  }
}

/** The entries whose key passes; the same map when all do. */
function only<T>(map: ReadonlyMap<string, T>, passes: (key: string) => boolean): ReadonlyMap<string, T> {
  const kept = [...map].filter(([key]) => passes(key));
  return kept.length < map.size ? new Map(kept) : map;
}
