import { fileSysctlMemory, type Recollection } from '../agent/memory.ts';
import type { Change } from '../core/change.ts';
import { foresee } from '../core/foresee.ts';
import { guard } from '../core/guard.ts';
import { NOTHING_PROBED } from '../core/planner/node.ts';
import { formatChange } from '../core/render.ts';
import { RepairBudget } from '../core/repair.ts';
import { formatRef, type ResourceSnapshot } from '../core/resources.ts';
import { FLAGS } from '../runtime/config.ts';
import { type Context, EXIT, type Run } from './command.ts';
import { formatFacts, parseFacts, type SavedFacts } from './facts-file.ts';
import { explained, readText, writeText } from './files.ts';
import { type NodeFlags, nodeFlags, openPlace } from './node-context.ts';
import { printData } from './output.ts';
import { count, paint } from './text.ts';

/** What `plan -o json` prints. */
interface PlanOutput {
  readonly node: string;
  readonly changes: readonly { readonly op: Change['op']; readonly text: string }[];
  readonly withheld: readonly { readonly op: Change['op']; readonly text: string }[];
  readonly problems: readonly {
    readonly code?: string;
    readonly subject?: string;
    readonly source?: string;
    readonly line?: number;
    readonly message: string;
  }[];
}

/** `fairlead plan`: what a round of the agent would do. Exits with 2 when there are changes, with 1 when there are only problems. */
export const run: Run = (context) => explained(() => planOnce(context));

async function planOnce(context: Context): Promise<number> {
  const { line, terminal } = context;
  const flags = nodeFlags(line);
  const observed = await observe(context);
  const saveTo = line.text(FLAGS.saveFacts);
  if (saveTo !== undefined) {
    await writeText(saveTo, formatFacts(observed));
    terminal.out(`facts of node ${flags.nodeName} written to ${saveTo}\n`);
    return EXIT.ok;
  }
  const resources = await readResources(context, flags);
  const { sysctls, unusable }: Recollection = line.has(FLAGS.facts) ? { sysctls: [] } : await fileSysctlMemory(flags.stateFolder).load();
  if (unusable !== undefined) terminal.err(`${unusable}\n`);
  const identity = {
    name: flags.nodeName,
    protect: flags.protect,
    overdue: new Set<string>(),
    remembered: sysctls,
    probed: NOTHING_PROBED,
  };
  const owned = { routes: observed.owned, sysctls };
  const { planned, changes } = foresee(resources, owned, observed.facts, identity);
  const { problems } = planned;
  const { allowed, withheld } = guard(changes, resources.complete, new RepairBudget(), 0);
  const output: PlanOutput = {
    node: flags.nodeName,
    changes: allowed.map(described),
    withheld: withheld.map(described),
    problems: [
      ...sourceProblems(resources),
      ...problems.map(({ code, subject, message }) => ({ code, subject: formatRef(subject), message })),
    ],
  };
  await print(context, output);
  if (output.changes.length > 0) return EXIT.found;
  return output.problems.length > 0 ? EXIT.failed : EXIT.ok;
}

async function readResources(context: Context, flags: NodeFlags): Promise<ResourceSnapshot> {
  const warn = (message: string): void => context.terminal.err(`${message}\n`);
  const place = await openPlace(context, 'plan', flags, warn);
  const source = place.openSource({ stateFolder: flags.stateFolder, readOnly: true, onWarning: warn });
  await source.start();
  const resources = source.snapshot();
  await source.close();
  await place.close();
  return resources;
}

async function observe({ line, adapters }: Context): Promise<SavedFacts> {
  const file = line.text(FLAGS.facts);
  if (file !== undefined) return parseFacts(await readText(file), file);
  const kernel = await adapters.openKernel();
  const observed = await kernel.observe();
  kernel.close();
  return observed;
}

function described(change: Change): PlanOutput['changes'][number] {
  return { op: change.op, text: formatChange(change) };
}

function sourceProblems(resources: ResourceSnapshot): PlanOutput['problems'][number][] {
  const incomplete = resources.complete
    ? []
    : [{ message: `nothing would be removed: ${resources.incompleteReason ?? 'the source is incomplete'}` }];
  const invalid = resources.invalid.map(({ meta, message }) => ({
    code: 'InvalidSpec',
    subject: formatRef(meta.ref),
    message,
    ...(meta.source === undefined ? {} : { source: meta.source }),
  }));
  return [...resources.problems, ...invalid, ...incomplete];
}

async function print({ line, terminal }: Context, output: PlanOutput): Promise<void> {
  const format = line.text(FLAGS.output);
  if (format === 'json' || format === 'yaml') return printData(terminal, format, output);
  const colourOf = { '+': 'green', '-': 'red', '~': 'yellow' } as const;
  for (const { text } of output.changes) {
    const sign = text.charAt(0);
    terminal.out(`${sign === '+' || sign === '-' || sign === '~' ? paint(text, colourOf[sign], terminal.colours) : text}\n`);
  }
  for (const { text } of output.withheld) terminal.out(`(withheld) ${text}\n`);
  for (const { code, subject, source, line: at, message } of output.problems) {
    const where = [source && `${source}${at === undefined ? '' : `:${at}`}`, subject, code].filter(Boolean).join(': ');
    terminal.err(`${paint('problem', 'red', terminal.colours)}: ${where ? `${where}: ` : ''}${message}\n`);
  }
  const withheld = output.withheld.length > 0 ? `, ${count(output.withheld.length, 'removal')} withheld` : '';
  terminal.out(`node ${output.node}: ${count(output.changes.length, 'change')}${withheld}, ${count(output.problems.length, 'problem')}\n`);
}
