import { constants } from 'node:os';
import {
  type AddressChange,
  type Change,
  type Failure,
  isRouteChange,
  type LinkChange,
  type RouteChange,
  type SetSysctl,
} from '../../core/change.ts';
import type { PlannedAddress } from '../../core/plan.ts';
import { type Route, RouteIndex } from '../../core/route.ts';
import type { LinkProgrammer } from './link-programmer.ts';
import type { Monitor } from './monitor.ts';
import { encodeAddAddress } from './netlink/addresses.ts';
import { NLMSG_ERROR } from './netlink/constants.ts';
import { decodeError, errorCode, errorMeaning, type KernelError } from './netlink/errors.ts';
import { Exchange } from './netlink/exchange.ts';
import { encodeSetSysctl } from './netlink/link-changes.ts';
import { encodeSolicit } from './netlink/neighbours.ts';
import { MessageReader } from './netlink/reader.ts';
import { RouteEncoder } from './netlink/route-encoder.ts';
import { type NetlinkSocket, NOTHING, OVERFLOW } from './netlink/socket.ts';
import { MessageWriter } from './netlink/writer.ts';
import { removalOf } from './remove-address.ts';
import type { KernelView, Written } from './view.ts';

/** One `send` is the kernel's work done synchronously, and takes about a millisecond for so many bytes. */
const BATCH_BYTES = 12_000;
/** So long the event loop may be held; giving it a turn after every batch costs a tenth of the throughput. */
const HOLD_MS = 10;
/** The kernel answers each refused message; the default receive buffer holds 256 answers. */
const BATCH_MESSAGES = 250;
/** Above are the sequence numbers of dumps. */
const LAST_SEQ = 0x3fffffff;

const { EEXIST, ENOENT, ESRCH } = constants.errno;

/**
 * Carries out changes in batches without asking for acknowledgements: the kernel has worked off every message when `send`
 * returns, and only refusals are answered, with the sequence number of their message.
 */
export class Programmer {
  readonly #socket: NetlinkSocket;
  readonly #monitor: Monitor;
  readonly #view: KernelView;
  readonly #links: LinkProgrammer;
  readonly #exchange: Exchange;
  readonly #reader: MessageReader;
  readonly #writer = new MessageWriter(BATCH_BYTES);
  readonly #routes = new RouteEncoder(this.#writer);
  readonly #refused = new Map<number, KernelError>();
  #seq = 1;

  constructor(socket: NetlinkSocket, monitor: Monitor, view: KernelView, links: LinkProgrammer) {
    this.#socket = socket;
    this.#exchange = new Exchange(socket);
    this.#monitor = monitor;
    this.#view = view;
    this.#links = links;
    this.#reader = new MessageReader(socket.buffer);
  }

  /** @throws KernelUnavailable; what was done is then unknown, and the view in doubt. */
  async apply(changes: readonly Change[]): Promise<readonly Failure[]> {
    const failures: Failure[] = [];
    let held = performance.now();
    for (let from = 0; from < changes.length; ) {
      from = this.#batch(changes, from, failures);
      if (from === changes.length || performance.now() - held < HOLD_MS) continue;
      await new Promise<void>((resolve) => void setImmediate(resolve));
      held = performance.now();
    }
    return failures;
  }

  /** @returns where the next batch begins. */
  #batch(changes: readonly Change[], from: number, failures: Failure[]): number {
    // View and kernel now differ by what happens in the next microseconds only.
    this.#monitor.drain();
    const first = changes[from];
    if (first && isLinkChange(first)) {
      this.#changeLink(first, failures);
      return from + 1;
    }
    const base = this.#begin();
    const to = this.#encode(changes, from, base);
    try {
      if (this.#writer.size > 0) this.#socket.send(this.#writer.buffer, this.#writer.size);
      this.#collectRefusals(base);
      this.#announce(changes.slice(from, to));
    } catch (error) {
      this.#view.invalidate();
      throw error;
    }
    this.#settle(changes, from, to, failures);
    this.#monitor.drain(new Batch(changes, from, to));
    return to;
  }

  #begin(): number {
    this.#writer.reset();
    this.#refused.clear();
    if (this.#seq + BATCH_MESSAGES > LAST_SEQ) this.#seq = 1;
    const base = this.#seq;
    this.#seq += BATCH_MESSAGES;
    return base;
  }

  /** Up to a change of a device, which is made alone, or one that is judged by what was done before. */
  #encode(changes: readonly Change[], from: number, base: number): number {
    let at = from;
    for (; at < changes.length && at - from < BATCH_MESSAGES && !this.#writer.isFull; at++) {
      const change = changes[at];
      if (!change) break;
      const seq = base + at - from;
      if (isRouteChange(change)) {
        const errno = change.op === 'replace-route' ? this.#replaceRefusal(change.route) : 0;
        if (errno) this.#refused.set(at - from, { errno });
        else this.#routes.encode(change.op, seq, change.route);
      } else if (isLinkChange(change) || (at > from && isJudged(change))) break;
      else if (!this.#encodeOther(change, seq)) this.#refused.set(at - from, { errno: ESRCH });
    }
    return at;
  }

  /** @returns whether it may be sent: the kernel does not look whose address it takes away or changes. */
  #encodeOther(change: AddressChange | SetSysctl, seq: number): boolean {
    switch (change.op) {
      case 'set-sysctl':
        encodeSetSysctl(this.#writer, seq, change.device.index, change.name, change.value);
        return true;
      case 'add-address':
        if (change.marks && !this.#view.lacksMark(change.address)) return false;
        encodeAddAddress(this.#writer, seq, change.address, change.marks ? 'in place' : 'new');
        return true;
      case 'add-network':
        if (!this.#isOurs(change.address)) return false;
        // Whoever writes an IPv6 address in place gets its route made again (inet6_addr_modify), an IPv4 address does not.
        if (change.network.prefix.family === 6) encodeAddAddress(this.#writer, seq, change.address, 'in place');
        else this.#routes.encode('add-route', seq, change.network);
        return true;
      case 'remove-address': {
        if (!this.#isOurs(change.address)) return false;
        removalOf(this.#exchange, change.address)(this.#writer, seq);
        return true;
      }
    }
  }

  #isOurs({ device, address, prefixLength }: Omit<PlannedAddress, 'label'>): boolean {
    this.#view.fold();
    return this.#view.devices.addressLike({ index: device.index, address, prefixLength })?.ours === true;
  }

  #changeLink(change: LinkChange, failures: Failure[]): void {
    // What was done before shows first.
    this.#view.fold();
    const { version } = this.#view;
    try {
      const refusal = this.#links.carryOut(change);
      if (refusal) failures.push(this.#failure(change, refusal));
    } catch (error) {
      this.#view.invalidate();
      throw error;
    }
    this.#view.changedSince(version);
    this.#monitor.drain();
  }

  /** Addresses that are there now. Everybody who hears the request and knows the address takes its link-layer address from it (RFC 826). */
  #announce(changes: readonly Change[]): void {
    for (const [place, change] of changes.entries()) {
      if (change.op !== 'add-address' || this.#refused.has(place)) continue;
      const { device, announceTo } = change.address;
      if (announceTo) this.#exchange.request((writer) => encodeSolicit(writer, 1, { device, address: announceTo }));
    }
  }

  /**
   * NLM_F_REPLACE takes whatever has the identity, whoever made it: so it is only sent when ours is there, and alone.
   * @returns errno, or 0 when the change may be sent.
   */
  #replaceRefusal(route: Route): number {
    const { routes } = this.#view;
    if (routes.foreign(route.prefix.family).like(route).length > 0) return EEXIST;
    return routes.owned.like(route) ? 0 : ENOENT;
  }

  #collectRefusals(base: number): void {
    const reader = this.#reader;
    for (let size = this.#socket.receive(); size !== NOTHING; size = this.#socket.receive()) {
      // Which ones were refused is lost: read everything again and compare.
      if (size === OVERFLOW) this.#view.invalidate();
      reader.reset(Math.max(size, 0));
      while (reader.next()) {
        const error = reader.type === NLMSG_ERROR ? decodeError(reader) : undefined;
        if (error) this.#refused.set(reader.seq - base, error);
      }
    }
  }

  #settle(changes: readonly Change[], from: number, to: number, failures: Failure[]): void {
    for (const [place, error] of [...this.#refused].sort(([a], [b]) => a - b)) {
      const change = changes[from + place];
      // The kernel itself, or whoever took the route away, was faster.
      if (change?.op === 'add-network' && error.errno === EEXIST) continue;
      if (change && from + place < to) failures.push(this.#failure(change, error));
    }
    this.#view.done({ changes, from, to, ...(this.#refused.size > 0 && { refused: new Set(this.#refused.keys()) }) });
  }

  #failure(change: Change, error: KernelError): Failure {
    if (isRouteChange(change) && this.#surprises(change, error.errno)) this.#view.routes.doubt(change.route.prefix.family);
    const code = errorCode(error.errno);
    return { change, code, message: error.text ?? errorMeaning(change.op, code, error.errno) };
  }

  /** Whether the kernel's answer contradicts the view. */
  #surprises({ op, route }: RouteChange, errno: number): boolean {
    const { routes } = this.#view;
    if (errno === EEXIST) return op === 'add-route' && routes.foreign(route.prefix.family).like(route).length === 0;
    return (errno === ESRCH || errno === ENOENT) && op !== 'add-route' && routes.owned.like(route) !== undefined;
  }
}

/** Changes `from` to `to`; indexed only when somebody asks. */
class Batch implements Written {
  readonly #changes: readonly Change[];
  readonly #from: number;
  readonly #to: number;
  #index: RouteIndex | undefined;

  constructor(changes: readonly Change[], from: number, to: number) {
    this.#changes = changes;
    this.#from = from;
    this.#to = to;
  }

  has(route: Route): boolean {
    this.#index ??= RouteIndex.of(
      this.#changes.slice(this.#from, this.#to).flatMap((change) => (isRouteChange(change) ? [change.route] : [])),
    );
    return this.#index.like(route) !== undefined;
  }
}

/** Whether it depends on whose the address is, as what was done before shows. */
function isJudged(change: Change): boolean {
  return change.op === 'remove-address' || change.op === 'add-network' || (change.op === 'add-address' && change.marks === true);
}

function isLinkChange(change: Change): change is LinkChange {
  const { op } = change;
  return op === 'add-link' || op === 'set-link' || op === 'remove-link';
}
