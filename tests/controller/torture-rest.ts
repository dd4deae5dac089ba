import { OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { type Source, ZONES } from './overlay-sources.ts';
import type { OverlayStage } from './overlay-stage.ts';

import type { Watchman } from './watchman.ts';

export interface RestWorld {
  readonly stage: OverlayStage;
  readonly watchman: Watchman;
  readonly outside: Source;
  /** Nodes that the pool selects. */
  readonly selected: readonly string[];
}

interface Counts {
  readonly capacity: number;
  readonly allocated: number;
  readonly free: number;
}

/** What is wrong when everybody should have come to rest, in words: ledger, objects, devices and records are to be one and the same. */
export function faultsAtRest(world: RestWorld): readonly string[] {
  const { stage, watchman, outside } = world;
  const selected = [...world.selected].sort();
  const objects = watchman.ips.map(({ node, addresses, granted, device }) => {
    const state = granted && device === 'InPlace' ? '' : `, ${granted ? 'granted' : 'not granted'}, ${device}`;
    return `${node} ${addresses.map(({ address }) => address.text).join(' ')}${state}`;
  });
  const ledger = [...watchman.entries.values()].map(({ node, address, releasing }) => `${node} ${address}${releasing ? ' releasing' : ''}`);
  const devices = [...stage.overlay.devices].map(([key, addresses]) => `${key.split(' ')[0]} ${[...addresses].join(' ')}`);
  const nodes = ledger.map((line) => line.split(' ')[0] ?? '');
  return [
    ...differences('selected nodes', selected, 'nodes of the ledger', nodes),
    ...differences('ledger', ledger, 'NodeOverlayIPs', objects),
    ...differences('ledger', ledger, 'devices', devices),
    ...outside.left(watchman.entries),
    ...wrongCounts(world),
    ...(['ready', 'degraded'] as const).flatMap((type) => unexpected(stage.message('default', type), RESTING[type])),
  ];
}

const RESTING = { ready: 'True AllNodesServed:', degraded: 'False NoProblem:' } as const;

/** Every address that can be given is allocated, asked for by a NodeOverlayIP, or free. */
export function wrongCounts({ stage, watchman, outside }: RestWorld): readonly string[] {
  const status = (stage.world.get(OVERLAY_POOLS, { name: 'default' })['status'] ?? {}) as Counts & { readonly ranges?: readonly Counts[] };
  const named = new Set(watchman.ips.flatMap(({ addresses }) => addresses.map(({ address }) => address.text)));
  const ranges = Object.values(ZONES).map((octets) => {
    const givable = Array.from({ length: 64 }, (_, i) => i).filter((i) => !outside.reserved.includes(i));
    const texts = givable.map((i) => `${octets}.${i}`);
    const allocated = texts.filter((text) => watchman.entries.has(text)).length;
    const asked = texts.filter((text) => named.has(text) && !watchman.entries.has(text)).length;
    return { capacity: texts.length, allocated, free: texts.length - allocated - asked };
  });
  const sum = (what: keyof Counts): number => ranges.reduce((total, range) => total + range[what], 0);
  const expected = [sum('capacity'), sum('allocated'), sum('free'), ...ranges.map(({ allocated, free }) => `${allocated}+${free}`)];
  const { capacity, allocated, free } = status;
  const told = [capacity, allocated, free, ...(status.ranges ?? []).map((range) => `${range.allocated}+${range.free}`)];
  return unexpected(`counts ${told.join(' ')}`, `counts ${expected.join(' ')}`);
}

function unexpected(said: string, start: string): readonly string[] {
  return said.startsWith(start) ? [] : [`"${said}", and it should be "${start}"`];
}

function differences(one: string, these: readonly string[], other: string, those: readonly string[]): readonly string[] {
  const lacking = (some: readonly string[], all: readonly string[], name: string): readonly string[] =>
    some.filter((line, i) => !all.includes(line) || some.indexOf(line) !== i).map((line) => `${line} is not in the ${name} so, or twice`);
  return [...lacking(these, those, `${other} (it is in the ${one})`), ...lacking(those, these, `${one} (it is in the ${other})`)];
}
