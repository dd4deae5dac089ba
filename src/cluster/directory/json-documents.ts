import { type RawDocument, Unreadable } from './document.ts';
import { mayRepeatKey, repeatedKeyAt } from './json-keys.ts';

/**
 * The documents of a JSON text: one, or several after one another, apart by white space or `---` lines.
 * A key that stands twice in one object is an error.
 * @throws Unreadable with the line of the error.
 */
export function readJson(text: string): readonly RawDocument[] {
  const start = firstContent(text);
  if (start === text.length) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return splitJson(text);
  }
  refuseRepeatedKeys(text, value, 1);
  return [{ line: 1 + newlines(text, 0, start), value }];
}

/** As in YAML. `line` is that of the text's beginning. */
function refuseRepeatedKeys(text: string, value: unknown, line: number): void {
  const at = mayRepeatKey(text, value) ? repeatedKeyAt(text) : -1;
  if (at >= 0) throw new Unreadable('is not valid (a key stands twice in one object): delete one of both', line + newlines(text, 0, at));
}

function splitJson(text: string): readonly RawDocument[] {
  const documents: RawDocument[] = [];
  let line = 1;
  let at = 0;
  while (true) {
    const from = skipSeparators(text, at);
    line += newlines(text, at, from);
    if (from === text.length) return documents;
    const to = endOfValue(text, from);
    documents.push({ line, value: parseSlice(text.slice(from, to), line) });
    line += newlines(text, from, to);
    at = to;
  }
}

function parseSlice(slice: string, line: number): unknown {
  let value: unknown;
  try {
    value = JSON.parse(slice);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    // V8 quotes the text around the error. The file may be no manifest but a secret that a link leads to.
    const fact = words.replace(/( (in JSON )?at position \d+| '.*| token .*).*$/s, '');
    throw new Unreadable(`is not valid JSON (${fact}): correct it`, line + newlines(slice, 0, offsetOfError(slice)));
  }
  refuseRepeatedKeys(slice, value, line);
  return value;
}

/**
 * Where the text goes wrong: V8 does not always say. A text that is cut before that place lacks only its end, one that is cut after
 * it is wrong in another way, so the place can be found by halving.
 */
function offsetOfError(text: string): number {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (isOnlyCut(text.slice(0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

function isOnlyCut(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const words = error instanceof Error ? error.message : '';
    return /end of JSON|Unterminated/.test(words) || Number(/at position (\d+)/.exec(words)?.[1]) === text.length;
  }
}

/** Where the value that begins at `from` ends: after its closing bracket, or at white space for a bare word. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    else at++;
    if (char === OPEN_BRACE || char === OPEN_BRACKET) depth++;
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
    if (depth <= 0 && (char === QUOTE || char === CLOSE_BRACE || char === CLOSE_BRACKET || isSpace(text.charCodeAt(at)))) return at;
  }
  return text.length;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at++;
    else if (char === QUOTE) return at + 1;
  }
  return text.length;
}

/** A separator is `---` alone on its line. */
function skipSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (isSpace(text.charCodeAt(at))) at++;
    else if (text.startsWith('---', at) && (at + 3 === text.length || isSpace(text.charCodeAt(at + 3)))) at += 3;
    else break;
  }
  return at;
}

function firstContent(text: string): number {
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function isSpace(char: number): boolean {
  return char === 32 || char === 10 || char === 13 || char === 9;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
