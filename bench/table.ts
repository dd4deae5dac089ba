import { noiseOf, oursOf, type Row, ratioOf, type Unit, type Verdict } from './row.ts';
import { median, spread } from './statistics.ts';

const HEADINGS = ['measure', 'reference', 'ours', 'ratio', 'budget', 'rival', 'verdict'] as const;

export interface Judged {
  readonly row: Row;
  readonly verdict: Verdict;
}

/** All results as one aligned table; behind each figure the spread of its rounds. */
export function formatTable(results: readonly Judged[]): string {
  const lines = [HEADINGS, ...results.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [head = '', ...rest] = lines.map(format);
  return `${[head, '-'.repeat(head.length), ...rest].join('\n')}\n`;
}

function cells({ row, verdict }: Judged): readonly string[] {
  const { name, unit, reference, budget, rival } = row;
  const ratio = ratioOf(row);
  const noise = budget?.of === 'ratio' ? ` ±${noiseOf(row).toFixed(2)}` : '';
  return [
    name,
    reference ? `${amount(median(reference.samples), spread(reference.samples), unit)} ${reference.name}` : '',
    amount(oursOf(row), spread(row.ours), unit),
    ratio === undefined ? '' : `${ratio.toFixed(2)}x${noise}`,
    budget ? `${budget.limit}${budget.of === 'ratio' ? 'x' : ` ${unit}`}` : '',
    rival ? `${rival.value} ${unit} ${rival.name}` : '',
    verdict,
  ];
}

function amount(value: number, deviation: number, unit: Unit): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ±${deviation.toFixed(digits)} ${unit}`;
}
