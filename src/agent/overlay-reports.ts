import type { NodeReport, ResourceReport } from '../api/kinds/node-report.ts';
import type { OverlayReport } from '../cluster/cluster.ts';
import { type InterfaceAddress, type Link, type NodeFacts, poolOf } from '../core/facts.ts';
import type { ProblemCode } from '../core/problem.ts';
import type { NodeOverlayIP, OverlayInterface } from '../core/resources.ts';

/** An address that is being made is in place, or has a reason not to be, a second later. */
const PENDING: ProblemCode = 'OverlayPending';

export interface OverlayFindings {
  readonly nodeOverlayIPs: readonly NodeOverlayIP[];
  readonly facts: NodeFacts;
  readonly report: NodeReport;
}

/**
 * What this node says of its NodeOverlayIPs. That an address is `Removed` is what the controller waits for before it gives it to another
 * node, so it is said only of what the kernel no longer has. Nothing is said of what is under way. Pure.
 */
export function overlayReports({ nodeOverlayIPs, facts, report }: OverlayFindings): readonly OverlayReport[] {
  const node = report.metadata.name;
  const own = nodeOverlayIPs.filter((ip) => ip.node === node);
  const verdicts = new Map(report.status.resources.filter(({ kind }) => kind === 'NodeOverlayIP').map((each) => [each.name, each]));
  return own.flatMap((ip): OverlayReport[] => {
    const { name } = ip.meta.ref;
    const left = leftOver(ip, own, facts);
    const state = ip.deleting || left ? goingState(left, node) : stateOf(verdicts.get(name));
    if (ip.meta.uid === undefined || state === undefined) return [];
    const device = deviceOf(ip, facts);
    return [{ name, uid: ip.meta.uid, ...(device && { device }), deviceReady: state }];
  });
}

/**
 * An address of ours that is to go: one of an object that is being deleted, or of an earlier one of the same pool. On the parent itself no
 * mark tells of which pool an address is, so there it is any that no object names. An address of an object that is being deleted counts
 * whoever has put it there: the node answers for it, and another node that had it as well would be a duplicate.
 */
function leftOver(ip: NodeOverlayIP, own: readonly NodeOverlayIP[], { addresses, links }: NodeFacts): InterfaceAddress | undefined {
  const isOf = (each: NodeOverlayIP, held: InterfaceAddress): boolean => each.addresses.some(({ address }) => address.equals(held.address));
  return addresses.find((held) => {
    if (isOf(ip, held)) return ip.deleting;
    if (!held.ours) return false;
    const link = links.find(({ index }) => index === held.device.index);
    const pool = link && poolOf(link);
    return pool === undefined ? !own.some((each) => isOf(each, held)) : pool === ip.pool;
  });
}

function goingState(left: InterfaceAddress | undefined, node: string): OverlayReport['deviceReady'] {
  if (!left) return { status: 'False', reason: 'Removed', message: `node ${node} has none of the addresses any more` };
  const { address, device, prefixLength, ours } = left;
  if (ours) return { status: 'True', reason: 'Removing', message: `${address} is being taken from ${device.name} of node ${node}` };
  const what = `${address}/${prefixLength} dev ${device.name}`;
  const fix = `delete it there ("ip address delete ${what}") when nobody needs it`;
  const message = `node ${node} has ${what} from somebody else, so no other node can get it: ${fix}`;
  return { status: 'True', reason: 'Removing', message };
}

function stateOf(verdict: ResourceReport | undefined): OverlayReport['deviceReady'] | undefined {
  if (verdict === undefined || verdict.reason === PENDING) return undefined;
  const { ready, reason, message } = verdict;
  return ready ? { status: 'True', reason: 'InPlace', message } : { status: 'False', reason, message };
}

function deviceOf({ addresses, interface: settings }: NodeOverlayIP, facts: NodeFacts): OverlayReport['device'] {
  const held = facts.addresses.find((own) => own.ours && addresses.some(({ address }) => address.equals(own.address)));
  const link = facts.links.find(({ index }) => index === held?.device.index);
  if (!link) return undefined;
  const parent = parentName(link, settings?.type, facts);
  return { name: link.name, mtu: link.mtu, ...(parent !== undefined && { parent }), ...(link.mac !== undefined && { mac: link.mac }) };
}

/** A plain address is on the parent itself. A device that has lost our mark is not its own parent, though. */
function parentName(link: Link, type: OverlayInterface['type'] | undefined, { links }: NodeFacts): string | undefined {
  const isOurs = poolOf(link) !== undefined || link.likeOurs || (type === 'Macvlan' && link.kind === 'macvlan');
  return isOurs ? links.find(({ index }) => index === link.parent)?.name : link.name;
}
