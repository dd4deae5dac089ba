import type { Change, Drift, Failure } from '../../core/change.ts';
import { type Kernel, KernelUnavailable, type Observation, type ProbeAnswer, type Purged } from '../kernel.ts';
import { DriftLog, monotonicMicros } from './drift-log.ts';
import { Monitor } from './monitor.ts';
import { Dumper } from './netlink/dump.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { missingPermission } from './permission.ts';
import { Programmer } from './programmer.ts';
import { Purge } from './purge.ts';
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
  readonly #programmer: Programmer;
  #loaded = false;

  constructor(socket: NetlinkSocket, { netns, queueBytes }: LinuxKernelOptions) {
    this.#socket = socket;
    this.#drift = new DriftLog(netns);
    this.#view = new KernelView(this.#drift);
    this.#dumper = new Dumper(socket);
    this.#monitor = new Monitor(this.#view, this.#drift, { netns, queueBytes, echoOf: socket.port });
    this.#programmer = new Programmer(socket, this.#monitor, this.#view);
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
        if (this.#view.takeUncovered()) this.#monitor.announce();
      });
    }
  }

  async probe(): Promise<ProbeAnswer> {
    throw new KernelUnavailable('this kernel adapter cannot probe');
  }

  async purge(): Promise<Purged> {
    this.#update();
    try {
      return new Purge(this.#socket, this.#dumper, (index) => this.#view.devices.ref(index)).run();
    } finally {
      this.#view.invalidate();
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
      this.#view.refresh(this.#dumper);
      this.#monitor.drain();
    }
    this.#loaded = true;
  }
}
