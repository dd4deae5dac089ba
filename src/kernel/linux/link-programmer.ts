import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import type { LinkChange } from '../../core/change.ts';
import { type Link, poolOf } from '../../core/facts.ts';
import type { PlannedLink, Probe } from '../../core/plan.ts';
import { linkAddress } from '../link-address.ts';
import { readLink } from './devices.ts';
import type { Monitor } from './monitor.ts';
import { RTM_GETLINK } from './netlink/constants.ts';
import type { KernelError } from './netlink/errors.ts';
import type { Encode, Exchange } from './netlink/exchange.ts';
import {
  encodeLeaveGroup,
  encodeMakeLink,
  encodeMarkGroup,
  encodeRemoveGroup,
  encodeRemoveLink,
  encodeSetLink,
  encodeSetMac,
  encodeSetMode,
  encodeStartGroup,
} from './netlink/link-changes.ts';
import { decodeLink, encodeNameQuery, groupOf } from './netlink/links.ts';
import { encodeSolicit } from './netlink/neighbours.ts';
import type { KernelView } from './view.ts';

const { EADDRINUSE, EEXIST, ENODEV, ESRCH } = constants.errno;

/** Sequence numbers of the messages that make a device. */
const MAKE = 1;
const MARK = 2;
const START = 3;

/** Group numbers that are drawn from: all that `ip` can show, but for the one of devices without a group. */
const GROUPS = 2 ** 31;

/**
 * Makes, repairs and removes devices of ours, one change at a time; each is done when its function returns, and the view shows it.
 *
 * The mark of a device, its alias, cannot be given when it is made (RTM_NEWLINK then ignores IFLA_IFALIAS and refuses IFLA_AF_SPEC: tried
 * on 6.18), so it takes several messages.
 * They go in one `send`, which the kernel works off before a signal can end this process. But it does so also when the first of them
 * is refused, so the later ones must not name the device: if somebody else has just made one of that name, they would hit that one.
 * Instead the device is made in a group with a number that nobody can guess, and the later messages are about the devices of that group:
 * none when there is none.
 */
export class LinkProgrammer {
  readonly #exchange: Exchange;
  readonly #monitor: Monitor;
  readonly #view: KernelView;

  constructor(exchange: Exchange, monitor: Monitor, view: KernelView) {
    this.#exchange = exchange;
    this.#monitor = monitor;
    this.#view = view;
  }

  /** @returns why it was refused. @throws KernelUnavailable */
  carryOut(change: LinkChange): KernelError | undefined {
    switch (change.op) {
      case 'add-link':
        return this.#add(change.link);
      case 'set-link':
        return this.#set(change);
      case 'remove-link':
        return this.#remove(change.device.index, change.pool);
    }
  }

  #add(link: PlannedLink): KernelError | undefined {
    const { links } = this.#view.devices;
    if (links.some(({ name }) => name === link.name)) return { errno: EEXIST };
    const parent = this.#view.devices.link(link.parent.index)?.mac;
    if (parent === undefined) return this.#make(link, undefined);
    const refusal = this.#make(link, linkAddress(parent, link.name));
    // Taken on this parent: by a device of ours that somebody has moved to another network namespace.
    return refusal?.errno === EADDRINUSE ? this.#make(link, undefined) : refusal;
  }

  #make(link: PlannedLink, mac: string | undefined): KernelError | undefined {
    const group = randomInt(1, GROUPS);
    const refused = this.#exchange.request(
      (writer) => encodeMakeLink(writer, MAKE, link, group, mac),
      (writer) => encodeMarkGroup(writer, MARK, group, link.pool),
      (writer) => encodeStartGroup(writer, START, group),
    );
    const notMade = refused.get(MAKE);
    if (notMade) return notMade;
    const made = this.#memberOf(group, link.name);
    const refusal = refused.get(MARK) ?? refused.get(START);
    if (refusal) this.#takeAway(group, made);
    else this.#keep(made);
    return refusal;
  }

  /** The device of this name, if it is the one that we have just made. */
  #memberOf(group: number, name: string): Link | undefined {
    return this.#exchange.query(
      RTM_GETLINK,
      (writer) => encodeNameQuery(writer, name),
      (message) => (groupOf(message) === group ? decodeLink(message) : undefined),
      [ENODEV],
    );
  }

  /** Without `made` somebody has renamed it in this very moment: everything is read again. */
  #keep(made: Link | undefined): void {
    const devices = this.#view.changing();
    if (!made) {
      this.#view.invalidate();
      return;
    }
    this.#exchange.request((writer) => encodeLeaveGroup(writer, 1, made.index));
    devices.left(made);
  }

  #takeAway(group: number, made: Link | undefined): void {
    this.#withdraw(made?.index, (writer) => encodeRemoveGroup(writer, 1, group));
  }

  #set({ device: { index, name }, link, announceTo = [] }: Extract<LinkChange, { op: 'set-link' }>): KernelError | undefined {
    const now = this.#ours(index) ?? (link.adopts && this.#lostMark(index, link));
    if (!now) return { errno: ESRCH };
    const { formerMac } = now;
    const messages: Encode[] = [(writer) => encodeSetLink(writer, 1, now, link)];
    if (formerMac !== undefined) messages.push((writer) => encodeSetMac(writer, 2, index, formerMac));
    if (now.mode === 'other') messages.push((writer) => encodeSetMode(writer, 3, index));
    const refused = this.#exchange.request(...messages);
    const then = readLink(this.#exchange, index);
    // Gone meanwhile, as RTM_DELLINK is about to tell.
    if (then) this.#view.changing().left(then);
    const refusal = refused.get(1) ?? refused.get(2) ?? refused.get(3);
    if (!refusal) for (const address of announceTo) this.#announce({ device: { index, name }, address });
    return refusal;
  }

  /** Whoever hears it takes the link-layer address from it (RFC 826). */
  #announce(probe: Probe): void {
    this.#exchange.request((writer) => encodeSolicit(writer, 1, probe));
  }

  #lostMark(index: number, { name, parent }: PlannedLink): Link | undefined {
    const link = this.#view.devices.seen(index);
    return link?.likeOurs && link.name === name && link.parent === parent.index ? link : undefined;
  }

  #remove(index: number, pool: string): KernelError | undefined {
    const now = this.#ours(index);
    if (!now || poolOf(now) !== pool) return { errno: ESRCH };
    return this.#withdraw(index, (writer) => encodeRemoveLink(writer, 1, index));
  }

  /** Deletes what is ours for sure. `index`: where it is known. */
  #withdraw(index: number | undefined, encode: Encode): KernelError | undefined {
    const devices = this.#view.changing();
    devices.leaving(index);
    try {
      const refusal = this.#exchange.request(encode).get(1);
      if (index === undefined) this.#view.invalidate();
      else if (refusal) this.#stayed(index);
      else devices.gone(index);
      // What was announced of it is no news now.
      this.#monitor.drain();
      return refusal;
    } finally {
      devices.leaving(undefined);
    }
  }

  #stayed(index: number): void {
    const still = readLink(this.#exchange, index);
    if (still) this.#view.changing().stayed(still);
  }

  #ours(index: number): Link | undefined {
    const link = this.#view.devices.link(index);
    return link && poolOf(link) !== undefined ? link : undefined;
  }
}
