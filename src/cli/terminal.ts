import type { Terminal } from './command.ts';
import { COLOURED } from './text.ts';

/** Where text ends up as it is. */
export type Output = Pick<Terminal, 'out' | 'err'>;

/**
 * The terminal of the commands. Names, messages and file contents come from others, so control characters are shown as `\u001b` and
 * not obeyed: the C0 and C1 sets but line ends and tabs, DEL, line separators, and marks that reorder text (Unicode TR 36).
 */
export function openTerminal(output: Output, colours: boolean): Terminal {
  const clean = (text: string): string =>
    text.replaceAll(colours ? COLOURED_OR_CONTROL : CONTROL, (found) => (found.length > 1 ? found : escaped(found)));
  return { out: (text) => output.out(clean(text)), err: (text) => output.err(clean(text)), colours };
}

const CONTROL = /[^\P{Cc}\n\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const COLOURED_OR_CONTROL = new RegExp(`${COLOURED.source}|${CONTROL.source}`, 'gu');

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
