/**
 * Runs parts of the agent in a process of their own, from a bundle like the one that is delivered, and times them from inside.
 * Answers one message for each `Task` that it gets.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Reconciler } from '../src/agent/reconciler.ts';
import type { Change } from '../src/core/change.ts';
import { Address } from '../src/core/ip/address.ts';
import { DEFAULT_METRIC, type ResourceSnapshot, type StaticRoute } from '../src/core/resources.ts';
import { RouteIndex } from '../src/core/route.ts';
import { EVERY_NODE } from '../src/core/selector.ts';
import type { Kernel } from '../src/kernel/kernel.ts';
import { openLinuxKernel } from '../src/kernel/linux/kernel.ts';
import { systemClock } from '../src/runtime/clock.ts';
import type { Cycle } from './reference.ts';
import { destination, GATEWAY, OTHER_GATEWAY, routes } from './world.ts';

/** `cycle`: add, re-route and remove routes. `resync`: rounds that read everything again and find nothing to do. */
export interface Task {
  readonly name: 'cycle' | 'resync';
  readonly netns: string;
  readonly deviceIndex: number;
  readonly count: number;
  readonly rounds: number;
}

/** What the C program does too, and `note`: until what was added is in the view. */
export type Worked = Cycle & { readonly note: number };

export type Answer =
  | { readonly cycles: readonly Worked[] }
  | { /** Milliseconds of processor time. */ readonly resync: readonly number[] }
  | { readonly error: string };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The kernel is open only during the task: a subscriber would slow down whatever else is measured in that namespace. */
async function run(task: Task): Promise<Answer> {
  const { name, netns, count, rounds } = task;
  const kernel = openLinuxKernel({ netns });
  try {
    await kernel.observe();
    if (name === 'cycle') return { cycles: await cycles(kernel, task) };
    return { resync: await resyncs(kernel, count, rounds) };
  } finally {
    kernel.close();
  }
}

async function cycles(kernel: Kernel, { count, deviceIndex, rounds }: Task): Promise<Worked[]> {
  const figures: Worked[] = [];
  for (let round = 0; round < rounds; round++) figures.push(await cycle(kernel, count, deviceIndex));
  return figures;
}

async function cycle(kernel: Kernel, count: number, deviceIndex: number): Promise<Worked> {
  const before = routes(count, GATEWAY, deviceIndex);
  const after = routes(count, OTHER_GATEWAY, deviceIndex);
  // A planner has looked every prefix up before a kernel gets it; the first look-up computes the hash of its text.
  for (const list of [before, after]) RouteIndex.of(list);
  const add = before.map((route): Change => ({ op: 'add-route', route }));
  const replace = after.map((route, i): Change => ({ op: 'replace-route', route, previous: before[i] ?? route }));
  const remove = after.map((route): Change => ({ op: 'remove-route', route }));
  const figures = { add: await apply(kernel, add), note: await look(kernel, count), replace: await apply(kernel, replace) };
  await look(kernel, count);
  const complete = { ...figures, remove: await apply(kernel, remove) };
  await look(kernel, 0);
  return complete;
}

/** A round begins with a look, so that what an earlier one wrote is known. */
async function look(kernel: Kernel, expected: number): Promise<number> {
  const begin = performance.now();
  const { owned } = await kernel.observe();
  const end = performance.now();
  if (owned.size !== expected) throw new Error(`the kernel adapter knows of ${owned.size} routes instead of ${expected}`);
  return end - begin;
}

async function apply(kernel: Kernel, changes: readonly Change[]): Promise<number> {
  // What was thrown away in preparing all this is not the kernel adapter's to clear away.
  collectGarbage();
  const begin = performance.now();
  const [failure] = await kernel.apply(changes);
  const end = performance.now();
  if (failure) throw new Error(`the kernel refused a ${failure.change.op}: ${failure.message}`);
  return end - begin;
}

async function resyncs(kernel: Kernel, count: number, rounds: number): Promise<number[]> {
  const source = { start: async () => {}, snapshot: () => resources, watch: () => {}, close: async () => {} };
  const resources = snapshot(count);
  const memory = { load: async () => ({ sysctls: [] }), save: async () => {} };
  const reconciler = new Reconciler({ kernel, source, memory, clock: systemClock }, { nodeName: 'bench', protect: [] }, () => {});
  await reconciler.prepare();
  const first = await reconciler.round();
  if (first.changes.length !== count) throw new Error(`the first round changed ${first.changes.length} of ${count} routes`);
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) figures.push(await resync(kernel, reconciler));
  await kernel.apply([...(await kernel.observe()).owned.values()].map((route): Change => ({ op: 'remove-route', route })));
  return figures;
}

async function resync(kernel: Kernel, reconciler: Reconciler): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = process.cpuUsage();
  kernel.invalidate();
  const { changes, drift } = await reconciler.round();
  const used = process.cpuUsage(before);
  if (changes.length + drift.length > 0) throw new Error('a round without news found something to do');
  return (used.user + used.system) / 1000;
}

function snapshot(count: number): ResourceSnapshot {
  const staticRoute: StaticRoute = {
    meta: { ref: { kind: 'StaticRoute', name: 'bench' } },
    subnets: Array.from({ length: count }, (_, i) => destination(i)),
    via: { type: 'gateways', choices: [{ address: Address.parse(GATEWAY), onLink: false, nodeSelector: EVERY_NODE }] },
    nodeSelector: EVERY_NODE,
    metric: DEFAULT_METRIC,
    onMissingGateway: 'Withdraw',
    reversePath: 'Preserve',
  };
  return { staticRoutes: [staticRoute], overlayPools: [], nodeOverlayIPs: [], nodes: [], invalid: [], problems: [], complete: true };
}

process.on('message', (task: Task) => {
  void run(task)
    .catch((error: unknown): Answer => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .then((answer) => process.send?.(answer));
});
