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
    this.#entries.push(new RouteDrift(event, route, this.at, () => this.#processes.name(sender)));
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

/** The repair does not wait for the name: it is looked up when it is first asked for, which should be soon. */
class RouteDrift implements Drift {
  readonly event: DriftEvent;
  readonly route: Route;
  readonly at: number;
  readonly #nameOf: () => string | undefined;
  #named: { readonly name: string | undefined } | undefined;

  constructor(event: DriftEvent, route: Route, at: number, nameOf: () => string | undefined) {
    this.event = event;
    this.route = route;
    this.at = at;
    this.#nameOf = nameOf;
  }

  get process(): string | undefined {
    this.#named ??= { name: this.#nameOf() };
    return this.#named.name;
  }
}
