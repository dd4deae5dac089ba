/**
 * Whether a text may hold a key twice in one object: it has more quotes before a colon than its value has keys. Some texts may and do not,
 * but the rest, long lists of prefixes above all, need not be read character by character.
 */
export function mayRepeatKey(text: string, value: unknown): boolean {
  return possibleKeys(text) !== keysIn(value);
}

function possibleKeys(text: string): number {
  let count = 0;
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    let before = colon - 1;
    while (text.charCodeAt(before) <= SPACE) before--;
    if (text.charCodeAt(before) === QUOTE) count++;
  }
  return count;
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inner.reduce((sum: number, each) => sum + keysIn(each), inner === value ? 0 : inner.length);
}

/**
 * Where a key stands for the second time in one object, or -1. `JSON.parse` takes the last one silently: half of a manifest may be lost.
 * `text` must be valid JSON.
 */
export function repeatedKeyAt(text: string): number {
  /** The keys of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined;
  let expectsKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = closingQuote(text, at);
        if (keys && expectsKey) {
          const key = text.slice(at + 1, end);
          const name: string = key.includes('\\') ? JSON.parse(`"${key}"`) : key;
          if (keys.has(name)) return at;
          keys.add(name);
        }
        at = end;
        break;
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        keys = text.charCodeAt(at) === OPEN_BRACE ? new Set() : undefined;
        open.push(keys);
        expectsKey = true;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        open.pop();
        keys = open.at(-1);
        break;
      case COMMA:
        expectsKey = true;
        break;
      case COLON:
        expectsKey = false;
    }
  }
  return -1;
}

function closingQuote(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** After an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
