import type { Drift, DriftEvent } from '../../core/change.ts';
import type { DeviceRef, Route } from '../../core/route.ts';
import { Processes } from './processes.ts';

/** Monotonic microseconds. */
export function monotonicMicros(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.round(nanoseconds / 1000);
}

/** What others did to what is ours, until it is asked for. */
export class DriftLog {
  /** When the notification that is being handled was read. */
  at = monotonicMicros();
  readonly #processes: Processes;
  #entries: Drift[] = [];

  constructor(netns: string | undefined) {
    this.#processes = new Processes(netns);
  }

  /** A new burst of notifications was read. */
  tick(): void {
    this.at = monotonicMicros();
    this.#processes.forget();
  }

  route(event: DriftEvent, route: Route, sender: number): void {
    const process = this.#processes.name(sender);
    this.#entries.push({ event, route, at: this.at, ...(process !== undefined && { process }) });
  }

  sysctl(device: DeviceRef): void {
    this.#entries.push({ event: 'SysctlChanged', sysctl: { device, name: 'rp_filter' }, at: this.at });
  }

  take(): readonly Drift[] {
    if (this.#entries.length === 0) return NONE;
    const taken = this.#entries;
    this.#entries = [];
    return taken;
  }
}

const NONE: readonly Drift[] = [];
