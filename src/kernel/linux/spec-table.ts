import type { NextHop, RouteSpec } from '../../core/route.ts';

/** Grown by so many since the last sweep: look what is still in use. */
const SLACK = 1024;

/** One shared value for all equal specs, so that 100k routes hold a handful of them and comparing starts with `===`. */
export class SpecTable {
  #specs = new Map<string, RouteSpec>();
  #sweepAt = SLACK;

  /** The shared value; the given one becomes it when there is none. */
  intern(spec: RouteSpec): RouteSpec {
    const key = keyOf(spec);
    const known = this.#specs.get(key);
    if (known) return known;
    this.#specs.set(key, spec);
    return spec;
  }

  get isLarge(): boolean {
    return this.#specs.size >= this.#sweepAt;
  }

  /** Keeps only these; others come from links that are long gone. */
  sweep(inUse: Iterable<RouteSpec>): void {
    const kept = new Set(inUse);
    this.#specs = new Map([...kept].map((spec) => [keyOf(spec), spec]));
    this.#sweepAt = this.#specs.size * 2 + SLACK;
  }

  /** Values with the old name of a device must not be shared any more. */
  clear(): void {
    this.#specs.clear();
  }

  values(): Iterable<RouteSpec> {
    return this.#specs.values();
  }
}

function keyOf(spec: RouteSpec): string {
  const { table, metric, protocol, type, mtu, source } = spec;
  return `${table} ${metric} ${protocol} ${type} ${mtu} ${source ?? ''} ${spec.hops.map(hopKey).join('|')}`;
}

function hopKey({ gateway, device, onLink }: NextHop): string {
  return `${gateway ?? ''} ${device?.index} ${device?.name} ${onLink}`;
}
