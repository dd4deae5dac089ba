import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { noiseOf, oursOf, ratioOf } from './row.ts';
import type { Scale } from './scale.ts';
import { median, spread } from './statistics.ts';
import type { Judged } from './table.ts';

export interface Run {
  readonly begun: Date;
  /** Load averages before the run: what else the machine had to do. */
  readonly loadBefore: readonly number[];
  readonly quick: boolean;
  readonly scale: Scale;
  readonly results: readonly Judged[];
}

/** Writes every sample, and the machine that they are of, as JSON. */
export function writeResults(path: string, { begun, loadBefore, quick, scale, results }: Run): void {
  const document = {
    version: 1,
    begun: begun.toISOString(),
    ended: new Date().toISOString(),
    quick,
    machine: { ...machine(), loadBefore, loadAfter: loadavg() },
    scale,
    results: results.map(entry),
  };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
}

function machine(): object {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

function entry({ row, verdict }: Judged): object {
  const { name, unit, ours, reference, budget, rival } = row;
  return {
    name,
    unit,
    value: oursOf(row),
    spread: spread(ours),
    samples: ours,
    reference: reference && {
      name: reference.name,
      median: median(reference.samples),
      spread: spread(reference.samples),
      samples: reference.samples,
    },
    ratio: ratioOf(row),
    budget,
    rival,
    noise: noiseOf(row),
    verdict,
  };
}
