import type { Terminal } from './command.ts';

/** Data for machines. YAML is loaded only when asked for. */
export async function printData(terminal: Terminal, format: 'json' | 'yaml', value: unknown): Promise<void> {
  if (format === 'json') terminal.out(`${JSON.stringify(value, null, 2)}\n`);
  else terminal.out((await import('yaml')).stringify(JSON.parse(JSON.stringify(value))));
}
