/** Aligned columns, two spaces apart; the last one is left as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const CODES = { red: 31, green: 32, yellow: 33, bold: 1 } as const;

/** What `paint` puts around text (ECMA-48, SGR). */
export const COLOURED = new RegExp(`\\u001b\\[(?:0|${Object.values(CODES).join('|')})m`, 'u');

/** ANSI colour, only when wanted. */
export function paint(text: string, colour: keyof typeof CODES, wanted: boolean): string {
  return wanted ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** `1 change`, `2 changes`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : nouns}`;
}

/** `40 s ago`, `3 min ago`: how long since a time (ISO 8601). */
export function ago(time: string, suffix = ' ago'): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds} s${suffix}`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min${suffix}` : `${Math.round(seconds / 3600)} h${suffix}`;
}
