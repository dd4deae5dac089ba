import { constants } from 'node:os';
import { loadAddon } from '../../../src/kernel/linux/addon.ts';
import { RTM_NEWROUTE, RTNLGRP_IPV4_ROUTE } from '../../../src/kernel/linux/netlink/constants.ts';

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SO_RCVBUFFORCE = 33;
const SOL_SOCKET = 1;
const RECEIVE_BUFFER = 1 << 22;
const { EAGAIN } = constants.errno;
/** Where the kernel puts the destination of an IPv4 route: after nlmsghdr, rtmsg, RTA_TABLE and the header of RTA_DST. */
const DESTINATION = 16 + 12 + 8 + 4;
/** Longer than anything takes that works. */
const PATIENCE_MS = 180_000;

/** Sees in a network namespace when the kernel announces routes, like `ip -ts monitor route`, by the clock of this process. */
export class RouteMonitor implements Disposable {
  readonly #addon = loadAddon();
  readonly #fd: number;
  readonly #buffer = new Uint8Array(8192);
  readonly #view = new DataView(this.#buffer.buffer);
  #missing = new Set<number>();
  #last = Number.NaN;
  #timer: NodeJS.Timeout | undefined;
  #complete: (last: number) => void = () => {};

  constructor(namespace: string) {
    this.#fd = checked(this.#addon.open(0, `/run/netns/${namespace}`));
    checked(this.#addon.bind(this.#fd));
    this.#set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_ROUTE);
    checked(this.#addon.watch(this.#fd, () => this.#drain(performance.now())));
  }

  /** Resolves when a route to each of these addresses has been announced, with the time (of `performance.now`) of the last. */
  arrival(...destinations: readonly number[]): Promise<number> {
    this.#missing = new Set(destinations);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => reject(new Error(`${this.#missing.size} of ${destinations.length} routes never appeared`)), PATIENCE_MS);
    this.#complete = resolve;
    return promise;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#addon.close(this.#fd);
  }

  #drain(now: number): void {
    for (;;) {
      const size = this.#addon.recv(this.#fd, this.#buffer);
      if (size === -EAGAIN) return;
      checked(size);
      if (this.#view.getUint16(4, true) !== RTM_NEWROUTE || !this.#missing.delete(this.#view.getUint32(DESTINATION))) continue;
      this.#last = now;
      if (this.#missing.size > 0) continue;
      clearTimeout(this.#timer);
      this.#complete(this.#last);
    }
  }

  #set(level: number, option: number, value: number): void {
    checked(this.#addon.setsockopt(this.#fd, level, option, Buffer.from(Int32Array.of(value).buffer)));
  }
}

function checked(result: number): number {
  if (result < 0) throw new Error(`the route monitor's netlink socket failed: errno ${-result}`);
  return result;
}
