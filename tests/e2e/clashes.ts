import { GATEWAY, METRIC, OTHER_GATEWAY } from './support.ts';

export type Family = 4 | 6;
export const FAMILIES = [4, 6] as const;

/** A foreign route that meets one of ours. */
export interface Clash {
  /** Also the name of the resource, with the family behind it. */
  readonly name: string;
  /** Arguments for `ip route VERB`; `{}` stands for the prefix, `{longer}` and `{shorter}` for one inside and one around it. */
  readonly route: string;
  /** How it arrives when ours is there already. Default: add. */
  readonly verb?: 'append' | 'prepend' | 'replace';
  /** What the resource says. Without: it is Ready. */
  readonly reason?: 'Conflict' | 'Shadowed';
}

export const CLASHES: readonly Clash[] = [
  { name: 'same-gateway', route: `{} via GATEWAY metric ${METRIC} proto static`, verb: 'replace', reason: 'Conflict' },
  { name: 'other-gateway', route: `{} via OTHER metric ${METRIC}`, verb: 'replace', reason: 'Conflict' },
  { name: 'other-device', route: `{} dev eth0 metric ${METRIC} proto 99`, verb: 'replace', reason: 'Conflict' },
  { name: 'unreachable', route: `unreachable {} metric ${METRIC}`, verb: 'replace', reason: 'Conflict' },
  { name: 'appended', route: `{} via OTHER metric ${METRIC}`, verb: 'append', reason: 'Conflict' },
  { name: 'prepended', route: `{} via OTHER metric ${METRIC} proto bird`, verb: 'prepend', reason: 'Conflict' },
  { name: 'better-metric', route: '{} via OTHER metric 100', reason: 'Shadowed' },
  { name: 'worse-metric', route: '{} via OTHER metric 9999' },
  { name: 'more-specific', route: `{longer} via OTHER metric ${METRIC}` },
  { name: 'less-specific', route: `{shorter} via OTHER metric ${METRIC}` },
  { name: 'another-table', route: `{} via OTHER metric ${METRIC} table 100` },
  { name: 'multipath', route: `{} metric ${METRIC} nexthop via GATEWAY nexthop via OTHER`, verb: 'replace', reason: 'Conflict' },
];

/** The subnet of our route, with room around it. */
export function subnetOf(clash: Clash, family: Family): string {
  return prefixes(clash, family).same;
}

/** Arguments for `ip`. */
export function command(verb: string, clash: Clash, family: Family): string {
  const { same, longer, shorter } = prefixes(clash, family);
  const route = clash.route
    .replace('{}', same)
    .replace('{longer}', longer)
    .replace('{shorter}', shorter)
    .replace('GATEWAY', GATEWAY[family])
    .replace('OTHER', OTHER_GATEWAY[family]);
  return `-${family} route ${verb} ${route}`;
}

function prefixes(clash: Clash, family: Family): { readonly same: string; readonly longer: string; readonly shorter: string } {
  const place = 4 * (CLASHES.indexOf(clash) + 1);
  if (family === 4) return { same: `172.30.${place}.0/24`, longer: `172.30.${place}.128/25`, shorter: `172.30.${place}.0/22` };
  const words = `2001:db8:30:${place.toString(16)}`;
  return { same: `${words}::/64`, longer: `${words}:8000::/65`, shorter: `${words}::/62` };
}
