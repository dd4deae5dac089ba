/**
 * Block-style YAML 1.2 of a value as JSON has them: for reports, which a busy agent writes every second. The `yaml` library takes 20 times
 * as long, in which nothing is repaired, and a third of all code of an agent that reads JSON. Fields that are undefined are left out.
 */
export function yamlText(value: unknown): string {
  return `${node(value, '').trimStart()}\n`;
}

/** What follows a key or a dash: a space and a scalar, or the lines below it, deeper than `indent`. */
function node(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => `\n${indent}- ${node(item, `${indent}  `).trimStart()}`);
    return items.length === 0 ? ' []' : items.join('');
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined);
    return entries.length === 0 ? ' {}' : entries.map(([key, field]) => `\n${indent}${scalar(key, '')}:${below(field, indent)}`).join('');
  }
  return ` ${typeof value === 'string' ? scalar(value, indent) : String(value)}`;
}

function below(value: unknown, indent: string): string {
  return node(value, `${indent}  `);
}

/** Never taken for anything but itself: begins as a word or an address, holds nothing that means something, ends in no blank or colon. */
const PLAIN = /^[A-Za-z0-9](?:[A-Za-z0-9_.,()/+@'"=-]|:(?! |$)| (?![ #]|$))*$/;
/** What readers of YAML 1.2 or 1.1 take for a number or a word of their own. */
const TYPED = /^(?:true|false|null|yes|no|on|off|y|n|[0-9e][0-9a-fox_.:e+-]*)$/i;
/** Dotted quads and the like are no numbers to anybody. */
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
/** Several lines that a block holds as they are. */
const LINES = /^[^\s\p{C}][^\p{C}]*(?:\n[^\s\p{C}][^\p{C}]*)+$/u;
/** JSON leaves these as they are, and YAML does not allow them. */
const UNPRINTABLE = /[\x7f-\x9f\ufffe\uffff]/g;

function scalar(text: string, indent: string): string {
  if (PLAIN.test(text) && (!TYPED.test(text) || ADDRESS.test(text))) return text;
  if (indent !== '' && LINES.test(text)) return `|-\n${indent}${text.replaceAll('\n', `\n${indent}`)}`;
  return JSON.stringify(text).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
