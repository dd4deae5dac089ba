import type { Change, Drift, Failure } from '../core/change.ts';
import type { NodeFacts } from '../core/facts.ts';
import type { Probe } from '../core/plan.ts';
import type { RouteIndex } from '../core/route.ts';

/** What `observe` answers. `owned` holds the routes that carry our mark; it belongs to the kernel: do not change it. */
export interface Observation {
  /** The same object as before as long as nothing foreign has changed. */
  readonly facts: NodeFacts;
  readonly owned: RouteIndex;
}

/** The host network. One real implementation and one in memory; both pass `kernel.contract.ts`. */
export interface Kernel {
  /**
   * The present state. May be answered from a view kept current by notifications; everything announced so far is in it.
   * @throws KernelUnavailable when the kernel does not answer.
   */
  observe(): Promise<Observation>;

  /** Forget every cached view: the next `observe` reads it all again. The slow audit calls this. */
  invalidate(): void;

  /**
   * Calls `listener` soon after anything changed that we did not do ourselves, and after devices and addresses that we did change: they are
   * facts. It only means: look again.
   */
  watch(listener: () => void): void;

  /** What was done to our state from outside since the last call, in the order it was noticed; complete after `observe`. */
  takeDrift(): readonly Drift[];

  /**
   * Carries out changes in order and says which failed; the others succeeded. A failure does not stop the rest.
   * Nothing without our mark is ever changed: an add onto something foreign fails with EEXIST, a change or a remove of it with ESRCH.
   * A device that could not be made whole is taken away again. Made again under its name on the same parent, it has the link-layer address
   * that it had, unless somebody else on that parent has taken it. An address with `announceTo` is made known by an ARP request for that, which
   * is not waited for; an entry that the neighbour table has for it stays as it is, and then nothing is sent.
   * @throws KernelUnavailable
   */
  apply(changes: readonly Change[]): Promise<readonly Failure[]>;

  /**
   * Asks on the link of a device whether anybody answers for an IPv4 address that this node does not have (ARP, by the kernel's neighbour
   * table: no capability beyond NET_ADMIN). Answers after about a second, sooner when somebody has answered; leaves no trace. Somebody who
   * answers has the address; that nobody does is no proof that it is free (`linux/neighbour-probe.ts` says who stays silent).
   * @throws KernelUnavailable, also when the device is gone, down or without a carrier: then nobody can be asked.
   */
  probe(probe: Probe): Promise<ProbeAnswer>;

  /**
   * For cleanup: removes every route, address and device that carries our mark, routes also in forms that we never make and `observe` does
   * not call ours (several next hops, for a type of service or a source, hidden behind a foreign next hop). Nothing without our mark, and
   * no device of a kind that we do not make. None of it is drift.
   * @throws KernelUnavailable
   */
  purge(): Promise<Purged>;

  /** Whether this process may change the network: undefined when it may, else one line that says what is missing. */
  missingPermission(): string | undefined;

  /** Monotonic microseconds, the clock of `Drift.at`. */
  now(): number;

  close(): void;
}

export interface ProbeAnswer {
  /** Link-layer address of whoever has the address; undefined when nobody answered. */
  readonly holder: string | undefined;
}

/** Routes, addresses and devices in the words of `ip`: those that are gone or lack our part now, and those that are still there. */
export interface Purged {
  readonly removed: readonly string[];
  readonly left: readonly string[];
}

/** Transient: the netlink socket failed. Try again. */
export class KernelUnavailable extends Error {
  override readonly name = 'KernelUnavailable';
}
