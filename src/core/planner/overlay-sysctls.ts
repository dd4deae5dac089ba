import type { RememberedSysctl, SysctlName } from '../change.ts';
import type { Link } from '../facts.ts';
import { LINK_ARP, type PlannedSysctl } from '../plan.ts';

/**
 * The parent of a macvlan device must not answer for the addresses on it: packets would come in by the parent, and reverse-path filtering
 * drops them there (ip-sysctl.rst, arp_ignore and arp_announce; the larger of `all` and the device counts). What the administrator has set
 * higher stays.
 */
export function quietParent(parent: Link, remembered: readonly RememberedSysctl[]): PlannedSysctl[] {
  const wanted: readonly (readonly [SysctlName, number, number])[] = [
    ['arp_ignore', parent.arpIgnore, LINK_ARP.arpIgnore],
    ['arp_announce', parent.arpAnnounce, LINK_ARP.arpAnnounce],
  ];
  const device = { index: parent.index, name: parent.name };
  return wanted
    .filter(([name, current, least]) => before(parent, name, current, remembered) < least)
    .map(([name, , value]) => ({ device, name, value }));
}

/** The administrator's value: ours must not be the reason to take it back. */
function before({ index }: Link, name: SysctlName, current: number, remembered: readonly RememberedSysctl[]): number {
  return remembered.find((entry) => entry.device.index === index && entry.name === name && entry.value === current)?.previous ?? current;
}
