import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Link } from '../../core/facts.ts';
import type { Probe } from '../../core/plan.ts';
import { KernelUnavailable, type ProbeAnswer } from '../kernel.ts';
import { readLink } from './devices.ts';
import { RTM_GETNEIGH } from './netlink/constants.ts';
import { errorCode } from './netlink/errors.ts';
import type { Exchange } from './netlink/exchange.ts';
import { type DecodedNeighbour, decodeNeighbour, encodeForget, encodeNeighbour, encodeSolicit } from './netlink/neighbours.ts';

const { EEXIST, ENOENT } = constants.errno;

/** A request may be lost. The kernel would ask again by itself after `retrans_time_ms`, which anybody may have set to anything. */
const QUESTIONS = 2;
const LOOKS = 25;
const LOOK_MS = 20;

/**
 * Whether anybody on the link of a device answers for an IPv4 address, by the neighbour table of the kernel: an entry without a link-layer
 * address, under NTF_USE, makes it send an ARP request at once. What it knew before is not believed but asked anew. Entries that an
 * administrator or a routing daemon has put there are not asked for and stay: whoever they name has the address.
 *
 * The kernel fills in a sender (`inet_select_addr`): an address of the device in the subnet of the target, else any address of the device,
 * else any of the node; 0.0.0.0, which everybody must answer (RFC 5227), only when the node has no address at all. A Linux host that has
 * the address answers a strange sender only where its reverse-path filter lets it pass. Tried on 6.18, the sender being outside the subnet:
 * - rp_filter 0: answers. rp_filter 1 or 2 with a route to the sender through that device, such as a default route: answers.
 * - rp_filter 1 or 2, and no route to the sender: silent.
 * - the address on a macvlan with arp_ignore 1, the sender reached through its parent: with rp_filter 0 or 2 it answers; with 1 it is
 *   silent, and the parent answers in its stead unless that has arp_ignore 1 as well (kube-proxy's `strictARP`).
 * - arp_ignore 2: silent.
 * So somebody who answers has the address; nobody does not prove that it is free.
 *
 * A macvlan on the device that asks does not hear it (macvlan.c: nothing is handed up from the parent).
 */
export async function probeNeighbour(exchange: Exchange, probe: Probe): Promise<ProbeAnswer> {
  mustHear(exchange, probe);
  const before = look(exchange, probe);
  if (before?.fixed) return { holder: before.mac };
  try {
    for (let question = 0; question < QUESTIONS; question++) {
      ask(exchange, probe);
      const holder = await answer(exchange, probe);
      if (holder !== undefined) return { holder };
    }
    mustHear(exchange, probe);
    return { holder: undefined };
  } finally {
    if (!look(exchange, probe)?.fixed) forget(exchange, probe);
  }
}

/** @throws KernelUnavailable when nobody could be heard. */
function mustHear(exchange: Exchange, { device, address }: Probe): void {
  const link = readLink(exchange, device.index);
  const reason = link ? deaf(link) : 'does not exist';
  if (reason !== undefined) throw new KernelUnavailable(`whether ${address} is free cannot be asked: device ${device.name} ${reason}`);
}

function deaf({ up, carrier }: Link): string | undefined {
  if (!up) return 'is down';
  return carrier ? undefined : 'has no carrier';
}

/** In place of what the kernel believes so far. */
function ask(exchange: Exchange, probe: Probe): void {
  forget(exchange, probe);
  const refusal = exchange.request((writer) => encodeSolicit(writer, 1, probe)).get(1);
  // Somebody else on this node asks for the same address at this moment.
  if (!refusal || refusal.errno === EEXIST) return;
  const reason = refusal.text ?? errorCode(refusal.errno);
  throw new KernelUnavailable(`whether ${probe.address} is free cannot be asked on device ${probe.device.name}: ${reason}`);
}

async function answer(exchange: Exchange, probe: Probe): Promise<string | undefined> {
  for (let i = 0; i < LOOKS; i++) {
    const mac = look(exchange, probe)?.mac;
    if (mac !== undefined) return mac;
    await delay(LOOK_MS);
  }
  return undefined;
}

function look(exchange: Exchange, probe: Probe): DecodedNeighbour | undefined {
  return exchange.query(RTM_GETNEIGH, (writer) => encodeNeighbour(writer, probe, 0), decodeNeighbour, [ENOENT]);
}

function forget(exchange: Exchange, probe: Probe): void {
  exchange.request((writer) => encodeForget(writer, 1, probe));
}
