import type { DriftLog } from './drift-log.ts';
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
} from './netlink/constants.ts';
import { MessageReader } from './netlink/reader.ts';
import { NetlinkSocket, NOTHING, OVERFLOW } from './netlink/socket.ts';
import type { KernelView, Written } from './view.ts';

const GROUPS: readonly number[] = [
  RTNLGRP_LINK,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_NEXTHOP,
];

/** Some 10k notifications: what another process writes in 40 ms. Only what is queued takes memory. */
const QUEUE_BYTES = 8 << 20;

export interface MonitorOptions {
  readonly netns: string | undefined;
  /** Port of the socket whose doings are not news. */
  readonly echoOf: number;
  readonly queueBytes?: number | undefined;
}

/** Feeds notifications into the view, and says when they brought something new. */
export class Monitor {
  readonly #socket: NetlinkSocket;
  readonly #reader: MessageReader;
  readonly #view: KernelView;
  readonly #drift: DriftLog;
  readonly #listeners: (() => void)[] = [];

  /** @throws KernelUnavailable */
  constructor(view: KernelView, drift: DriftLog, options: MonitorOptions) {
    this.#view = view;
    this.#drift = drift;
    this.#socket = new NetlinkSocket(options.netns);
    this.#reader = new MessageReader(this.#socket.buffer);
    try {
      this.#socket.ignoreEchoOf(options.echoOf);
      this.#socket.reserve(options.queueBytes ?? QUEUE_BYTES);
      this.#socket.join(GROUPS);
      this.#socket.onReadable(() => this.drain());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  onNews(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Takes in all that was announced so far. `written`: what we wrote ourselves since the last call. */
  drain(written?: Written): void {
    let size = this.#socket.receive();
    if (size === NOTHING) return;
    this.#view.fold();
    const before = this.#view.version;
    for (; size !== NOTHING; size = this.#socket.receive()) this.#take(size, written);
    if (this.#view.version !== before) this.announce();
  }

  /** Also for news that no notification brought. */
  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#socket.close();
  }

  #take(size: number, written: Written | undefined): void {
    this.#drift.tick();
    if (size === OVERFLOW) {
      this.#view.invalidate();
      return;
    }
    this.#reader.reset(size);
    while (this.#reader.next()) this.#view.handle(this.#reader, written);
  }
}
