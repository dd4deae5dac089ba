import { median, type Samples, spread } from './statistics.ts';

export type Unit = 'ms' | 'MiB' | 'kB';

/** One line of the result: what was measured, against what, and how much is allowed. */
export interface Row {
  readonly name: string;
  readonly unit: Unit;
  /** One figure per round. */
  readonly ours: Samples;
  /** Measured in the same rounds, in turn with ours. */
  readonly reference?: { readonly name: string; readonly samples: Samples };
  /** `ratio`: at most so many times the reference. `value`: at most so much. Absent: only told. */
  readonly budget?: { readonly of: 'ratio' | 'value'; readonly limit: number };
  /** The figure of all rounds together, where it is not the median of the rounds. */
  readonly total?: number;
}

export type Verdict = 'ok' | 'within noise' | 'missed' | 'no budget' | 'not judged';

export function oursOf(row: Row): number {
  return row.total ?? median(row.ours);
}

export function ratioOf({ reference, ...row }: Row): number | undefined {
  return reference && oursOf(row) / median(reference.samples);
}

/**
 * The noise of a figure is how far a typical round lies from the median round (`spread`): of the ratios of each round with its own
 * reference where the budget is a ratio, so that a machine that is slow for a while counts for both; else of our figures.
 */
export function noiseOf({ ours, reference, budget }: Row): number {
  if (budget?.of !== 'ratio' || !reference) return spread(ours);
  return spread(ours.map((value, round) => value / (reference.samples[round] ?? Number.NaN)));
}

/** A budget is missed when the figure is above it by more than its noise; above it by less, another run might say otherwise. */
export function verdictOf(row: Row): Exclude<Verdict, 'not judged'> {
  if (!row.budget) return 'no budget';
  const value = row.budget.of === 'ratio' ? (ratioOf(row) ?? Number.NaN) : oursOf(row);
  if (value <= row.budget.limit) return 'ok';
  return value - noiseOf(row) <= row.budget.limit ? 'within noise' : 'missed';
}
