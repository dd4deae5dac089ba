import { join } from 'node:path';
import type { Block } from './markdown.ts';

/** What differs from run to run: process ids, ages, durations, how often `ip route flush` met the restored route (also a node's drift), column widths. */
const CHANGING =
  's|^(n[0-9]+ +[0-9]+/[0-9]+) +[1-9][0-9]* |\\1 N |; s/pid [0-9]+/pid N/; s/[0-9]+ s ago/N s ago/g; s/in [0-9]+ us/in N us/; s/ [0-9]+x/ Nx/; s/ [0-9]+(m[0-9]+)?s( |$)/ Ns /g; s/ +/ /g; s/ $//';
/** A minute, in tenths of a second: it only bounds a run that has failed already. */
const TRIES = 600;

export interface SessionOptions {
  /** For files of its own. */
  readonly folder: string;
  /** Where it starts. */
  readonly cwd: string;
  /** A command that only looks: it is repeated until it shows what it should, as a person would look again. */
  readonly looks: RegExp;
}

/** The blocks of a page as one shell script, which fails where an output is not the one shown. */
export function sessionScript(steps: readonly Block[], { folder, cwd, looks }: SessionOptions): string {
  const output = join(folder, 'output');
  const commands = steps.filter(({ language }) => language === 'sh');
  const outputs = steps.filter(({ language }) => language === 'text');
  return [
    // Nothing must outlive a failure: it would keep the output open.
    `trap 'kill $! 2>/dev/null || true' EXIT\nset -e\ncd '${cwd}'\nsame() { sed -E '${CHANGING}' ${output} | cmp -s - ${output}.wanted; }`,
    `fail() { echo "wanted:"; cat ${output}.wanted; echo "printed:"; cat ${output}; exit 1; }`,
    ...commands.map((command) => {
      const shown = outputs.find(({ after }) => after === command);
      return step(command, shown, output, looks);
    }),
  ].join('\n');
}

/** One block as part of the script: run once, or until its output is what the page shows. */
function step({ text }: Block, shown: Block | undefined, output: string, looks: RegExp): string {
  // An exit status is part of the output here: `plan` answers 2 when there are changes.
  if (!shown) return text;
  const wanted = `sed -E '${CHANGING}' >${output}.wanted <<'END'\n${shown.text}END`;
  const run = `set +e\n{\n${text}} >${output} 2>&1\nset -e`;
  if (!looks.test(text)) return `${wanted}\n${run}\nsame || fail`;
  return `${wanted}\ntries=0\nwhile :; do\n${run}\nsame && break\ntries=$((tries + 1)); [ $tries -lt ${TRIES} ] || fail\nsleep 0.1\ndone`;
}
