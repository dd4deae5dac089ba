/** What came back over HTTP, whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
  /** Seconds, or a date. */
  readonly retryAfter: string | undefined;
}

export type Answer = Success | Refusal | Foreign;

/** phpIPAM says that it is done. */
export interface Success {
  readonly type: 'success';
  readonly data: unknown;
  /** Of what was made. */
  readonly id: string | undefined;
}

/** phpIPAM itself says no. Its code may differ from that of HTTP: a lock that cannot be had is a 500 within a 200. */
export interface Refusal {
  readonly type: 'refusal';
  readonly code: number;
  readonly message: string;
}

/** Not an answer of the API: a web page, or nothing at all. */
export interface Foreign {
  readonly type: 'foreign';
  /** A few words of it, on one line; empty when there were none. */
  readonly words: string;
}

const LONGEST_QUOTE = 120;

/** Neither the status of HTTP nor the type of the body is believed: what counts is `success` and `code` in a JSON object. */
export function readAnswer({ body }: HttpAnswer): Answer {
  const said = parseObject(body);
  const code = said && toCode(said['code']);
  if (!said || code === undefined) return { type: 'foreign', words: wordsOf(body) };
  const { success, data, id, message } = said;
  if (TRUE.has(success) && (code === 200 || code === 201)) return { type: 'success', data, id: readId(id) };
  return { type: 'refusal', code, message: wordsOf(typeof message === 'string' ? message : `code ${code}`) };
}

/** A bool in every version that was seen; servers that make texts of all numbers may make one of it too. */
const TRUE: ReadonlySet<unknown> = new Set([true, 1, '1', 'true']);

/** An identifier of phpIPAM, a number or a text by its version and settings. MySQL would take `10abc` for 10, so nothing else is let through. */
export function readId(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^[1-9]\d{0,18}$/.test(text) ? text : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** PHP may print a warning before the object. */
function parseObject(body: string): Readonly<Record<string, unknown>> | undefined {
  const start = body.startsWith('{') ? 0 : body.indexOf('{"code":');
  if (start < 0) return undefined;
  try {
    const value: unknown = JSON.parse(start === 0 ? body : body.slice(start));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function toCode(value: unknown): number | undefined {
  const code = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) ? code : undefined;
}

/** Text for a person, without markup, on one line, and short. */
export function wordsOf(text: string): string {
  const words = text
    .slice(0, 20 * LONGEST_QUOTE)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return words.length > LONGEST_QUOTE ? `${words.slice(0, LONGEST_QUOTE - 1)}…` : words;
}
