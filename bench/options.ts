import { join } from 'node:path';
import { parseArgs } from 'node:util';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Options {
  /** Names of measures; empty: all. */
  readonly only: readonly string[];
  readonly quick: boolean;
  /** Where the results go. */
  readonly output: string;
}

/** @throws UsageError */
export function parseOptions(args: readonly string[], measures: readonly string[]): Options {
  const usage = `usage: bench [--only ${measures.join('|')}]... [--quick] [--output FILE]`;
  const options = { only: { type: 'string', multiple: true }, quick: { type: 'boolean' }, output: { type: 'string' } } as const;
  const parse = () => {
    try {
      return parseArgs({ args: [...args], options }).values;
    } catch (error) {
      throw new UsageError(`${error instanceof Error ? error.message : error}\n${usage}`);
    }
  };
  const { only = [], quick = false, output = join(import.meta.dirname, '..', 'bench-results.json') } = parse();
  const unknown = only.find((name) => !measures.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no measure "${unknown}"\n${usage}`);
  return { only, quick, output };
}
