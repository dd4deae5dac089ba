import { BenchNode } from '../bench-node.ts';
import type { Context } from '../measure.ts';
import type { Cycle } from '../reference.ts';
import type { Row } from '../row.ts';
import type { Samples } from '../statistics.ts';
import type { WorkerProcess } from '../worker-process.ts';

type Step = keyof Cycle;

interface Rounds {
  readonly reference: readonly Cycle[];
  /** The first work of a new process, as when an agent starts: nothing is compiled yet. */
  readonly ours: readonly Cycle[];
}

/** Routes into an empty kernel, and their gateway changed in place: `Kernel.apply` against the C program, in turn. */
export async function measureApply(context: Context): Promise<readonly Row[]> {
  const { small, large, rounds, largeRounds } = context.scale;
  await using node = await BenchNode.create();
  const few = await collect(context, node, small, rounds);
  const many = await collect(context, node, large, largeRounds);
  return [
    row(`add ${small} routes`, few, 'add', 'add', 1.15),
    row(`add ${large} routes`, many, 'add', 'add', 1.15),
    row(`change gateway of ${small} routes, against adding`, few, 'replace', 'add', 1.3),
    row(`change gateway of ${small} routes, against the same`, few, 'replace', 'replace'),
    row(`remove ${large} routes`, many, 'remove', 'remove'),
  ];
}

async function collect(context: Context, node: BenchNode, count: number, rounds: number): Promise<Rounds> {
  const reference: Cycle[] = [];
  const ours: Cycle[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`${count} routes, round ${round + 1} of ${rounds}`);
    using worker = context.worker.start();
    // Who goes first changes, so that neither always finds the kernel's caches filled by the other.
    if (round % 2 === 0) reference.push(await context.reference.cycle(node.host, node.deviceIndex, count));
    ours.push(await cycle(worker, node, count));
    if (round % 2 === 1) reference.push(await context.reference.cycle(node.host, node.deviceIndex, count));
  }
  return { reference, ours };
}

async function cycle(worker: WorkerProcess, node: BenchNode, count: number): Promise<Cycle> {
  const answer = await worker.run({ name: 'cycle', netns: node.netns, deviceIndex: node.deviceIndex, count, rounds: 1 });
  if (!('cycle' in answer)) throw new Error('the worker answered something else');
  return answer.cycle;
}

function row(name: string, { reference, ours }: Rounds, step: Step, against: Step, limit?: number): Row {
  const pick = (cycles: readonly Cycle[], which: Step): Samples => cycles.map((figures) => figures[which]);
  return {
    name: `apply: ${name}`,
    unit: 'ms',
    ours: pick(ours, step),
    reference: { name: `C ${against}`, samples: pick(reference, against) },
    ...(limit !== undefined && { budget: { of: 'ratio' as const, limit } }),
  };
}
