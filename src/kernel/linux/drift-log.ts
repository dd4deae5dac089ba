import type { Drift, DriftEvent, SysctlName } from '../../core/change.ts';
import type { PlannedAddress } from '../../core/plan.ts';
import type { DeviceRef, Route } from '../../core/route.ts';
import { Processes } from './processes.ts';

/** Monotonic microseconds. */
export function monotonicMicros(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.round(nanoseconds / 1000);
}

/** Who did something, and when that was noticed. `sender`: a port id, 0 for the kernel itself. */
export interface Deed {
  readonly sender: number;
  readonly at: number;
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
    this.#entries.push(new RouteDrift(event, route, this.at, this.#nameOf(sender)));
  }

  link(event: DriftEvent, name: string, { sender, at }: Deed): void {
    this.#entries.push(new LinkDrift(event, name, at, this.#nameOf(sender)));
  }

  address(event: DriftEvent, address: Omit<PlannedAddress, 'label'>, { sender, at }: Deed): void {
    this.#entries.push(new AddressDrift(event, address, at, this.#nameOf(sender)));
  }

  sysctl(device: DeviceRef, name: SysctlName): void {
    this.#entries.push({ event: 'SysctlChanged', sysctl: { device, name }, at: this.at });
  }

  take(): readonly Drift[] {
    if (this.#entries.length === 0) return NONE;
    const taken = this.#entries;
    this.#entries = [];
    return taken;
  }

  #nameOf(sender: number): () => string | undefined {
    return () => this.#processes.name(sender);
  }
}

const NONE: readonly Drift[] = [];

/** The repair does not wait for the name: it is looked up when it is first asked for, which should be soon. */
class Blamed {
  readonly event: DriftEvent;
  readonly at: number;
  readonly #nameOf: () => string | undefined;
  #named: { readonly name: string | undefined } | undefined;

  constructor(event: DriftEvent, at: number, nameOf: () => string | undefined) {
    this.event = event;
    this.at = at;
    this.#nameOf = nameOf;
  }

  get process(): string | undefined {
    this.#named ??= { name: this.#nameOf() };
    return this.#named.name;
  }
}

class RouteDrift extends Blamed implements Drift {
  readonly route: Route;

  constructor(event: DriftEvent, route: Route, at: number, nameOf: () => string | undefined) {
    super(event, at, nameOf);
    this.route = route;
  }
}

class LinkDrift extends Blamed implements Drift {
  readonly link: string;

  constructor(event: DriftEvent, link: string, at: number, nameOf: () => string | undefined) {
    super(event, at, nameOf);
    this.link = link;
  }
}

class AddressDrift extends Blamed implements Drift {
  readonly address: Omit<PlannedAddress, 'label'>;

  constructor(event: DriftEvent, address: Omit<PlannedAddress, 'label'>, at: number, nameOf: () => string | undefined) {
    super(event, at, nameOf);
    this.address = address;
  }
}
