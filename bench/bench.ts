/**
 * `make bench`: measures this machine's kernel, the C program that does only the netlink writes, and us, in turn; prints the budgets
 * beside the figures and writes every sample to bench-results.json. Exit status 1 when a budget is missed by more than the noise.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureApiBurst } from './cluster/burst.ts';
import { measureApiChanges } from './cluster/changes.ts';
import { measureFleet } from './cluster/fleet.ts';
import { measureApiGateway } from './cluster/gateway.ts';
import { measureApiMemory } from './cluster/memory.ts';
import { measureOutage } from './cluster/outage.ts';
import { measureOverlay } from './cluster/overlay.ts';
import type { Context, Measure } from './measure.ts';
import { measureApply } from './measures/apply.ts';
import { measureEndToEnd } from './measures/end-to-end.ts';
import { measureGateway } from './measures/gateway.ts';
import { measureHeal } from './measures/heal.ts';
import { measureMemory } from './measures/memory.ts';
import { measureResync } from './measures/resync.ts';
import { measureStart } from './measures/start.ts';
import { type Options, parseOptions, UsageError } from './options.ts';
import { Reference } from './reference.ts';
import { writeResults } from './results.ts';
import { RIVALS } from './rivals.ts';
import { type Row, verdictOf } from './row.ts';
import { FULL, QUICK, type Scale } from './scale.ts';
import { formatTable, type Judged } from './table.ts';
import { WorkerProgram } from './worker-process.ts';

/** A node by itself, and one with a cluster: `--only` takes these names, too. */
const GROUPS = {
  node: {
    apply: measureApply,
    'end-to-end': measureEndToEnd,
    gateway: measureGateway,
    heal: measureHeal,
    resync: measureResync,
    memory: measureMemory,
    start: measureStart,
  },
  api: {
    'api-changes': measureApiChanges,
    'api-burst': measureApiBurst,
    'api-gateway': measureApiGateway,
    'api-outage': measureOutage,
    'api-memory': measureApiMemory,
    'api-fleet': measureFleet,
    'api-overlay': measureOverlay,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Measure>>>>;

const MEASURES = Object.entries(GROUPS).flatMap(([group, measures]) =>
  Object.entries(measures).map(([name, measure]) => ({ group, name, measure })),
);

async function main(options: Options): Promise<number> {
  const begun = new Date();
  const loadBefore = loadavg();
  const { results, failed } = await judgedResults(options);
  writeResults(options.output, { begun, loadBefore, quick: options.quick, scale: scaleOf(options), results });
  process.stdout.write(`\n${formatTable(results)}\n± is how far a typical round lies from the median. ${RIVALS}\n`);
  const missed = results.filter(({ verdict }) => verdict === 'missed');
  for (const { row } of missed) process.stdout.write(`budget missed by more than the noise: ${row.name}\n`);
  for (const name of failed) process.stdout.write(`measure failed: ${name}\n`);
  process.stdout.write(`All samples: ${options.output}\n`);
  return missed.length + failed.length > 0 ? 1 : 0;
}

interface Results {
  readonly results: readonly Judged[];
  /** Measures that came to no end. */
  readonly failed: readonly string[];
}

async function judgedResults(options: Options): Promise<Results> {
  const build = mkdtempSync(join(tmpdir(), 'fairlead-bench-build-'));
  try {
    tell('==> building the reference program and the worker');
    const context = {
      scale: scaleOf(options),
      reference: Reference.build(build),
      worker: await WorkerProgram.build(build),
      progress: tell,
    };
    const failed: string[] = [];
    const rows = await measureAll(context, options.only, failed);
    return { failed, results: rows.map((row): Judged => ({ row, verdict: options.quick ? 'not judged' : verdictOf(row) })) };
  } finally {
    rmSync(build, { recursive: true, force: true });
  }
}

function scaleOf({ quick }: Options): Scale {
  return quick ? QUICK : FULL;
}

async function measureAll(context: Context, only: readonly string[], failed: string[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { group, name, measure } of MEASURES) {
    if (only.length > 0 && !only.includes(name) && !only.includes(group)) continue;
    tell(`==> ${name}`);
    try {
      rows.push(...(await measure({ ...context, progress: (text) => tell(`    ${text}`) })));
    } catch (error) {
      // What the others have found is not lost with it.
      tell(`    ${name} failed: ${error instanceof Error ? error.stack : error}`);
      failed.push(name);
    }
  }
  return rows;
}

/** Progress is not a result. */
function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2), [...Object.keys(GROUPS), ...MEASURES.map(({ name }) => name)]));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof UsageError ? 64 : 1;
}
