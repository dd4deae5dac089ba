import { constants } from 'node:os';
import { KernelUnavailable } from '../../kernel.ts';
import { loadAddon, type NetlinkAddon } from '../addon.ts';
import { errorCode } from './errors.ts';

const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const { EAGAIN, ENOBUFS } = constants.errno;

/** What `receive` answers besides the size of a datagram. */
export const NOTHING = 0;
/** The kernel had more to say than the socket could hold: something is lost. */
export const OVERFLOW = -1;

/** The kernel fills datagrams of a dump up to the size that the reader offers, from 32 KB on without gain. */
const RECEIVE_BYTES = 32 * 1024;

/** A NETLINK_ROUTE socket: the only place where bytes go to and come from the kernel. */
export class NetlinkSocket {
  /** Port id: the kernel marks what we cause with it. */
  readonly port: number;
  /** Where `receive` puts a datagram. */
  readonly buffer = new Uint8Array(RECEIVE_BYTES);
  readonly #addon: NetlinkAddon;
  readonly #fd: number;
  #open = true;

  /**
   * `netns`: path of another network namespace to open the socket in; it stays there for life.
   * @throws KernelUnavailable
   */
  constructor(netns?: string) {
    this.#addon = loadAddon();
    this.#fd = checked(this.#addon.open(NETLINK_ROUTE, netns), netns ? `opening a netlink socket in ${netns}` : 'opening a netlink socket');
    try {
      this.port = checked(this.#addon.bind(this.#fd), 'binding a netlink socket');
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) this.#set(SOL_NETLINK, option, 1);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Asks for a receive buffer of so many bytes. Beyond `net.core.rmem_max` only with CAP_NET_ADMIN;
   * without it the kernel gives what it may, and overflows come sooner.
   */
  reserve(bytes: number): void {
    const value = int32(bytes);
    if (this.#addon.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, value) < 0)
      this.#addon.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, value);
  }

  /** Subscribes to multicast groups (RTNLGRP_*). */
  join(groups: readonly number[]): void {
    for (const group of groups) this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /**
   * Has the kernel drop notifications that the socket of this port caused, before they are queued:
   * `ld [12]` (nlmsg_pid, loaded big-endian); `jeq port, 0, 1`; `ret 0`; `ret -1`.
   */
  ignoreEchoOf(port: number): void {
    const program = new DataView(new ArrayBuffer(32));
    const steps: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
      [0x20, 0, 0, 12],
      [0x15, 0, 1, swap32(port)],
      [0x06, 0, 0, 0],
      [0x06, 0, 0, 0xffffffff],
    ];
    for (const [i, [code, jt, jf, k]] of steps.entries()) {
      program.setUint16(i * 8, code, true);
      program.setUint8(i * 8 + 2, jt);
      program.setUint8(i * 8 + 3, jf);
      program.setUint32(i * 8 + 4, k, true);
    }
    checked(this.#addon.filter(this.#fd, Buffer.from(program.buffer)), 'attaching a socket filter');
  }

  /** The kernel has carried out every message when this returns; refusals wait in `receive`. */
  send(data: Uint8Array, length: number): void {
    // Its number may belong to another file by now.
    if (!this.#open) throw new KernelUnavailable('the netlink socket was closed');
    checked(this.#addon.send(this.#fd, data, length), 'sending to the kernel');
  }

  /** Size of the datagram now in `buffer`, or NOTHING or OVERFLOW. Never blocks. */
  receive(): number {
    const size = this.#addon.recv(this.#fd, this.buffer);
    if (size === -EAGAIN) return NOTHING;
    if (size === -ENOBUFS || size > this.buffer.length) return OVERFLOW;
    return checked(size, 'receiving from the kernel');
  }

  /** Calls the listener whenever there is something to receive. Keeps the process alive until `close`. */
  onReadable(listener: () => void): void {
    checked(this.#addon.watch(this.#fd, listener), 'watching a netlink socket');
  }

  close(): void {
    if (this.#open) this.#addon.close(this.#fd);
    this.#open = false;
  }

  #set(level: number, option: number, value: number): void {
    checked(this.#addon.setsockopt(this.#fd, level, option, int32(value)), `setting socket option ${option}`);
  }
}

function checked(result: number, doing: string): number {
  if (result < 0) throw new KernelUnavailable(`${doing} failed: ${errorCode(-result)}`);
  return result;
}

function int32(value: number): Uint8Array {
  return Buffer.from(Int32Array.of(value).buffer);
}

function swap32(value: number): number {
  return Buffer.from(Uint32Array.of(value).buffer).readUInt32BE();
}
