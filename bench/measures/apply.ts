import { BenchNode } from '../bench-node.ts';
import type { Context } from '../measure.ts';
import type { Cycle } from '../reference.ts';
import type { Row } from '../row.ts';
import type { Samples } from '../statistics.ts';
import type { Worked } from '../worker.ts';
import type { WorkerProcess } from '../worker-process.ts';

type Step = keyof Cycle;

interface Rounds {
  readonly reference: readonly Cycle[];
  /** The first work of a new process, as when an agent starts: no code is optimised yet. */
  readonly first: readonly Worked[];
  /** The same once more in that process, as in an agent that has been running. */
  readonly second: readonly Worked[];
}

/** Routes into an empty kernel, and their gateway changed in place: `Kernel.apply` against the C program, in turn. */
export async function measureApply(context: Context): Promise<readonly Row[]> {
  const { small, large, rounds, largeRounds } = context.scale;
  await using node = await BenchNode.create();
  const few = await collect(context, node, small, rounds);
  const many = await collect(context, node, large, largeRounds);
  return [
    ...addRows(small, few),
    ...addRows(large, many),
    ...changeRows(small, few),
    row(`remove ${large} routes`, many, 'first', ['remove']),
  ];
}

function addRows(count: number, figures: Rounds): readonly Row[] {
  const name = `add ${count} routes`;
  return [
    row(name, figures, 'first', ['add'], 1.15),
    row(`${name}, a second time`, figures, 'second', ['add']),
    { name: `apply: look after adding ${count} routes`, unit: 'ms', ours: figures.first.map(({ note }) => note) },
  ];
}

/** The budget is about changing against adding, both by us. Against the C program, which adds faster, is stricter, and only told. */
function changeRows(count: number, figures: Rounds): readonly Row[] {
  const name = `gateway of ${count} routes`;
  return [
    {
      name: `apply: ${name}`,
      unit: 'ms',
      ours: figures.first.map(({ replace }) => replace),
      reference: { name: 'adding them so', samples: figures.first.map(({ add }) => add) },
      budget: { of: 'ratio', limit: 1.3 },
    },
    row(`${name}, against C adding`, figures, 'first', ['replace', 'add']),
    row(`${name}, against C too`, figures, 'first', ['replace']),
  ];
}

async function collect(context: Context, node: BenchNode, count: number, rounds: number): Promise<Rounds> {
  const reference: Cycle[] = [];
  const ours: (readonly [Worked, Worked])[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`${count} routes, round ${round + 1} of ${rounds}`);
    using worker = context.worker.start();
    // Who goes first changes, so that neither always finds the kernel's caches filled by the other.
    if (round % 2 === 0) reference.push(await context.reference.cycle(node.host, node.deviceIndex, count));
    ours.push(await twice(worker, node, count));
    if (round % 2 === 1) reference.push(await context.reference.cycle(node.host, node.deviceIndex, count));
  }
  return { reference, first: ours.map(([first]) => first), second: ours.map(([, second]) => second) };
}

async function twice(worker: WorkerProcess, node: BenchNode, count: number): Promise<readonly [Worked, Worked]> {
  const answer = await worker.run({ name: 'cycle', netns: node.netns, deviceIndex: node.deviceIndex, count, rounds: 2 });
  const [first, second] = 'cycles' in answer ? answer.cycles : [];
  if (!first || !second) throw new Error('the worker answered something else');
  return [first, second];
}

/** `against`: what the C program did, where that is not the same. */
function row(
  name: string,
  figures: Rounds,
  which: 'first' | 'second',
  [step, against = step]: readonly [Step, Step?],
  limit?: number,
): Row {
  const pick = (cycles: readonly Cycle[], of: Step): Samples => cycles.map((cycle) => cycle[of]);
  return {
    name: `apply: ${name}`,
    unit: 'ms',
    ours: pick(figures[which], step),
    reference: { name: `C ${against}`, samples: pick(figures.reference, against) },
    ...(limit !== undefined && { budget: { of: 'ratio' as const, limit } }),
  };
}
