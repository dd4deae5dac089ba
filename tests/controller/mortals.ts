import { ApiError } from '../../src/cluster/api-client.ts';
import type { FakeCall } from '../../src/cluster/fake-api.ts';
import type { OverlayPool } from '../../src/core/resources.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { Process, Stage } from './stage.ts';

/** A moment of a request: before it takes effect, or after that and before its answer is there. */
export interface Boundary {
  readonly process: Process;
  readonly when: 'before' | 'after';
  /** `apply nodeoverlayips/status`; of a provider `look`, `claim`, `release`. */
  readonly call: string;
  /** Of the object. */
  readonly name?: string;
}

export interface MortalPorts {
  readonly stage: Stage;
  readonly open: (pool: OverlayPool, clock: Clock) => IpamProvider;
  /** Asked at every boundary, those of Leases apart. It may let the process die; what it answers is waited for. */
  readonly boundary: (at: Boundary) => void | Promise<void>;
  /** Something has been written. */
  readonly wrote: (at: Boundary) => void;
}

const READS: readonly FakeCall['verb'][] = ['get', 'list', 'watch'];

/** Controllers that can be stopped dead. None believes that another leads: each has a Lease of its own. */
export class Mortals {
  readonly #ports: MortalPorts;
  readonly #all: Process[] = [];
  readonly #alive = new Set<Process>();
  readonly #providers = new Map<Process, readonly IpamProvider[]>();
  /** Where those are who were stopped dead: no answer ever comes. */
  readonly #grave = Promise.withResolvers<never>();
  #asking = 0;

  constructor(ports: MortalPorts) {
    this.#ports = ports;
    this.#grave.promise.catch(() => undefined);
    // Over a real socket time does not pass.
    ports.stage.time.busy = () => this.#asking > 0;
  }

  get alive(): readonly Process[] {
    return [...this.#alive];
  }

  begin(): Process {
    const { stage, open, wrote } = this.#ports;
    const name = `c${this.#all.length + 1}`;
    const process = stage.start(name, { namespace: name, openProvider: (pool, owner) => this.#watched(open(pool, owner.clock), owner) });
    this.#all.push(process);
    this.#alive.add(process);
    process.api.before = (call) => this.#pass(boundaryOf(process, call, 'before'));
    process.api.after = (call) => {
      const at = boundaryOf(process, call, 'after');
      if (!READS.includes(call.verb)) wrote(at);
      return this.#pass(at);
    };
    return process;
  }

  /** What it has sent arrives; nothing more is sent, and nothing heard. */
  kill(process: Process): void {
    const { stage } = this.#ports;
    this.#alive.delete(process);
    process.api.cutWatches();
    for (const provider of this.#providers.get(process) ?? []) void provider.close();
    process.clock.paused = true;
    stage.time.forget(process.clock);
    stage.processes.splice(stage.processes.indexOf(process), 1);
  }

  /** Also of those that were stopped dead: what they wait for ends now. */
  async close(): Promise<void> {
    this.#grave.reject(new ApiError('it is over', { status: 0, reason: 'Unreachable' }));
    let open = true;
    const closing = Promise.all(this.#all.map(({ controller }) => controller.close())).finally(() => {
      open = false;
    });
    while (open) await this.#ports.stage.time.advance(60_000);
    await closing;
  }

  async #pass(at: Boundary): Promise<void> {
    if (!this.#alive.has(at.process)) return this.#grave.promise;
    if (at.call.endsWith('leases')) return;
    await this.#ports.boundary(at);
    if (!this.#alive.has(at.process)) await this.#grave.promise;
  }

  #watched(provider: IpamProvider, owner: Process): IpamProvider {
    this.#providers.set(owner, [...(this.#providers.get(owner) ?? []), provider]);
    const passed = async <T>(call: string, work: () => Promise<T>): Promise<T> => {
      await this.#pass({ process: owner, when: 'before', call });
      const result = await this.#asked(work).catch((error) => (this.#alive.has(owner) ? Promise.reject(error) : this.#grave.promise));
      await this.#pass({ process: owner, when: 'after', call });
      return result;
    };
    return {
      look: (signal) => passed('look', () => provider.look(signal)),
      claim: (holdings, signal) => passed('claim', () => provider.claim(holdings, signal)),
      release: (holdings, signal) => passed('release', () => provider.release(holdings, signal)),
      close: () => provider.close(),
    };
  }

  async #asked<T>(work: () => Promise<T>): Promise<T> {
    this.#asking++;
    try {
      return await work();
    } finally {
      this.#asking--;
    }
  }
}

function boundaryOf(process: Process, { verb, resource, name }: FakeCall, when: Boundary['when']): Boundary {
  return { process, when, call: `${verb} ${resource}`, ...(name !== undefined && { name }) };
}
