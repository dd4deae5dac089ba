import { release } from 'node:os';
import type { Change, Drift, Failure } from '../../core/change.ts';
import type { Probe } from '../../core/plan.ts';
import { type Kernel, KernelUnavailable, type Observation, type ProbeAnswer, type Purged } from '../kernel.ts';
import { DriftLog, monotonicMicros } from './drift-log.ts';
import { LinkProgrammer } from './link-programmer.ts';
import { Monitor } from './monitor.ts';
import { probeNeighbour } from './neighbour-probe.ts';
import { Dumper } from './netlink/dump.ts';
import { Exchange } from './netlink/exchange.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { missingPermission } from './permission.ts';
import { Programmer } from './programmer.ts';
import { Purge } from './purge.ts';
import { purgeDevices } from './purge-devices.ts';
import { KernelView } from './view.ts';

/** Room for the answers to more messages than one batch has. */
const ANSWER_BYTES = 4 << 20;
/** Reading again takes time, in which links may go down again. */
const REFRESHES = 5;

export interface LinuxKernelOptions {
  /** Path of another network namespace, for example `/run/netns/lab`. Default: the one of this process. */
  readonly netns?: string;
  /** How many bytes of notifications may queue; more overflow, and everything is read again. Default 8 MiB. */
  readonly queueBytes?: number;
  /** What kernel it is, as `uname -r` has it; that decides what it is trusted to keep. Default: what it says itself. */
  readonly release?: string;
}

/** The real host network, by rtnetlink. @throws KernelUnavailable when no socket can be opened. */
export function openLinuxKernel(options: LinuxKernelOptions = {}): Kernel {
  const socket = new NetlinkSocket(options.netns);
  try {
    socket.reserve(ANSWER_BYTES);
    return new LinuxKernel(socket, options);
  } catch (error) {
    socket.close();
    throw error;
  }
}

class LinuxKernel implements Kernel {
  readonly #socket: NetlinkSocket;
  readonly #drift: DriftLog;
  readonly #view: KernelView;
  readonly #monitor: Monitor;
  readonly #dumper: Dumper;
  readonly #exchange: Exchange;
  readonly #programmer: Programmer;
  #loaded = false;

  constructor(socket: NetlinkSocket, options: LinuxKernelOptions) {
    const { netns, queueBytes } = options;
    this.#socket = socket;
    this.#drift = new DriftLog(netns);
    this.#view = new KernelView(this.#drift, options.release ?? release());
    this.#dumper = new Dumper(socket);
    this.#exchange = new Exchange(socket);
    this.#monitor = new Monitor(this.#view, this.#drift, { netns, queueBytes, echoOf: socket.port });
    const links = new LinkProgrammer(this.#exchange, this.#monitor, this.#view);
    this.#programmer = new Programmer(socket, this.#monitor, this.#view, links);
  }

  async observe(): Promise<Observation> {
    this.#update();
    return { facts: this.#view.facts, owned: this.#view.routes.owned };
  }

  invalidate(): void {
    this.#view.invalidate();
  }

  watch(listener: () => void): void {
    this.#monitor.onNews(listener);
  }

  takeDrift(): readonly Drift[] {
    return this.#drift.take();
  }

  async apply(changes: readonly Change[]): Promise<readonly Failure[]> {
    if (!this.#loaded) this.#update();
    try {
      return await this.#programmer.apply(changes);
    } finally {
      // Soon, but after whoever waits for the kernel.
      setImmediate(() => {
        if (this.#view.takeNews()) this.#monitor.announce();
      });
    }
  }

  probe(probe: Probe): Promise<ProbeAnswer> {
    return probeNeighbour(this.#exchange, probe);
  }

  /** A route may lead over a device of ours, or leave from an address of ours: routes go first. */
  async purge(): Promise<Purged> {
    this.#update();
    this.#view.changing().leaving('everything');
    try {
      const routes = new Purge(this.#socket, this.#dumper, (index) => this.#view.devices.ref(index)).run();
      const devices = purgeDevices(this.#exchange, this.#dumper, this.#view.addressMark);
      return { removed: [...routes.removed, ...devices.removed], left: [...routes.left, ...devices.left] };
    } finally {
      this.#monitor.drain();
      this.#view.purged();
    }
  }

  missingPermission(): string | undefined {
    return missingPermission(this.#socket);
  }

  now(): number {
    return monotonicMicros();
  }

  close(): void {
    this.#monitor.close();
    this.#socket.close();
  }

  #update(): void {
    this.#monitor.drain();
    for (let i = 0; this.#view.isStale; i++) {
      if (i === REFRESHES) throw new KernelUnavailable(`links and routes changed during each of ${REFRESHES} attempts to read them`);
      this.#drift.tick();
      this.#view.refresh(this.#dumper, this.#exchange);
      this.#monitor.drain();
    }
    this.#view.settle();
    this.#loaded = true;
  }
}
