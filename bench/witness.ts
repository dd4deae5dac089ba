import { constants } from 'node:os';
import type { Route } from '../src/core/route.ts';
import { loadAddon } from '../src/kernel/linux/addon.ts';
import { RTM_DELROUTE, RTM_NEWROUTE, RTNLGRP_IPV4_ROUTE } from '../src/kernel/linux/netlink/constants.ts';
import { encodeRemoveRoute } from '../src/kernel/linux/netlink/routes.ts';
import { NetlinkSocket } from '../src/kernel/linux/netlink/socket.ts';
import { MessageWriter } from '../src/kernel/linux/netlink/writer.ts';

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const { EAGAIN } = constants.errno;
/** Where the kernel puts the destination of an IPv4 route: after nlmsghdr, rtmsg, RTA_TABLE and the header of RTA_DST. */
const DESTINATION = 16 + 12 + 8 + 4;
/** Longer than anything takes that works. */
const PATIENCE_MS = 120_000;

/**
 * Sees from outside when a route is in the kernel. The kernel filters its notifications for us: none is queued but those about
 * the awaited destination, so the writer of 100k routes does not feel the onlooker.
 */
export class Witness implements Disposable {
  /** How often others than this witness took the awaited route away since the wait began. */
  removals = 0;
  readonly #addon = loadAddon();
  readonly #fd: number;
  readonly #own: NetlinkSocket;
  readonly #writer = new MessageWriter(0);
  readonly #buffer = new Uint8Array(4096);
  readonly #view = new DataView(this.#buffer.buffer);
  #awaited = -1;
  #timer: NodeJS.Timeout | undefined;
  #arrived: ((at: number) => void) | undefined;

  constructor(namespace: string) {
    const netns = `/run/netns/${namespace}`;
    this.#own = new NetlinkSocket(netns);
    this.#fd = checked(this.#addon.open(0, netns));
    checked(this.#addon.bind(this.#fd));
    this.#filter();
    checked(this.#addon.setsockopt(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, Buffer.from(Int32Array.of(RTNLGRP_IPV4_ROUTE).buffer)));
    checked(this.#addon.watch(this.#fd, () => this.#drain(performance.now())));
  }

  /** Resolves with the time (of `performance.now`) at which a route to this address is next announced. */
  arrival(destination: number): Promise<number> {
    this.#awaited = destination;
    this.removals = 0;
    this.#filter();
    return new Promise((resolve, reject) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => reject(new Error(`no route appeared in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
      this.#arrived = resolve;
    });
  }

  /** Deletes a route as an outsider would. */
  remove(route: Route): void {
    this.#writer.reset();
    encodeRemoveRoute(this.#writer, 1, route);
    this.#own.send(this.#writer.buffer, this.#writer.size);
    if (this.#own.receive() !== 0) throw new Error(`the kernel refused to delete ${route.prefix}`);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#addon.close(this.#fd);
    this.#own.close();
  }

  #drain(now: number): void {
    for (;;) {
      const size = this.#addon.recv(this.#fd, this.#buffer);
      if (size === -EAGAIN) return;
      checked(size);
      const type = this.#view.getUint16(4, true);
      if (type === RTM_DELROUTE && this.#view.getUint32(12, true) !== this.#own.port) this.removals++;
      if (type === RTM_NEWROUTE && this.#view.getUint32(DESTINATION) === this.#awaited) {
        clearTimeout(this.#timer);
        this.#arrived?.(now);
        this.#arrived = undefined;
      }
    }
  }

  /** Classic BPF: `ld [DESTINATION]`; `jeq awaited, 0, 1`; `ret -1`; `ret 0`. */
  #filter(): void {
    const program = new DataView(new ArrayBuffer(4 * 8));
    const steps: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
      [0x20, 0, 0, DESTINATION],
      [0x15, 0, 1, this.#awaited >>> 0],
      [0x06, 0, 0, 0xffffffff],
      [0x06, 0, 0, 0],
    ];
    for (const [i, [code, jt, jf, k]] of steps.entries()) {
      program.setUint16(i * 8, code, true);
      program.setUint8(i * 8 + 2, jt);
      program.setUint8(i * 8 + 3, jf);
      program.setUint32(i * 8 + 4, k, true);
    }
    checked(this.#addon.filter(this.#fd, Buffer.from(program.buffer)));
  }
}

function checked(result: number): number {
  if (result < 0) throw new Error(`the onlooker's netlink socket failed: errno ${-result}`);
  return result;
}
