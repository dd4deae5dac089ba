import { median, type Samples, spread } from './statistics.ts';

export type Unit = 'ms' | 's' | 'MiB' | 'kB' | 'packets' | 'writes' | 'calls';

/** One line of the result: what was measured, against what, and how much is allowed. */
export interface Row {
  readonly name: string;
  readonly unit: Unit;
  /** One figure per round. */
  readonly ours: Samples;
  /** Measured in the same rounds, in turn with ours. */
  readonly reference?: { readonly name: string; readonly samples: Samples };
  /** What the best program of others needs, measured elsewhere (see rivals.ts): told beside ours, never judged. */
  readonly rival?: Rival;
  /** `ratio`: at most so many times the reference. `value`: at most so much. Absent: only told. */
  readonly budget?: { readonly of: 'ratio' | 'value'; readonly limit: number };
  /** The figure of all rounds together, where it is not the median of the rounds. */
  readonly total?: number;
}

export interface Rival {
  readonly name: string;
  readonly value: number;
}

export type Verdict = 'ok' | 'within noise' | 'missed' | 'no budget' | 'not judged';

export function oursOf(row: Row): number {
  return row.total ?? median(row.ours);
}

/** The median round's ratio to its own reference: a machine that is slow for a while is so for both. */
export function ratioOf(row: Row): number | undefined {
  return row.reference && median(ratios(row, row.reference.samples));
}

/** How far a typical round lies from the median round (`spread`): in ratios where the budget is one, else in our figures. */
export function noiseOf(row: Row): number {
  return spread(row.budget?.of === 'ratio' && row.reference ? ratios(row, row.reference.samples) : row.ours);
}

function ratios({ ours }: Row, reference: Samples): Samples {
  return ours.map((value, round) => value / (reference[round] ?? Number.NaN));
}

/** A budget is missed when the figure is above it by more than its noise; above it by less, another run might say otherwise. */
export function verdictOf(row: Row): Exclude<Verdict, 'not judged'> {
  if (!row.budget) return 'no budget';
  const value = row.budget.of === 'ratio' ? (ratioOf(row) ?? Number.NaN) : oursOf(row);
  if (value <= row.budget.limit) return 'ok';
  return value - noiseOf(row) <= row.budget.limit ? 'within noise' : 'missed';
}
