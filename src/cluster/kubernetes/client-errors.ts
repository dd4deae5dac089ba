import { ApiError } from '../api-client.ts';
import type { Head } from './client-exchange.ts';
import { isRecord } from './client-objects.ts';
import type { NoAnswer } from './connection-errors.ts';

/** Characters of a page that is not for us, and of what the API server says. */
const LONGEST_QUOTE = 200;
const LONGEST_MESSAGE = 2_000;

/** As RFC 9110 calls them. Those of node:http would cost 2 MiB of memory with all that comes along. */
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** What was asked of whom, for messages. */
export interface Question {
  /** `list staticroutes` */
  readonly words: string;
  readonly server: string;
}

/** An answer that says no: the Status object of the API server, or whatever stands in front of it. */
export function refusal({ words, server }: Question, { status, headers }: Head, body: string, hint: string): ApiError {
  const said = parseStatus(body);
  const title = TITLES[status] ?? 'Unknown';
  const text = said?.message ?? quote(body);
  const retryAfter = retryAfterMilliseconds(headers['retry-after']) ?? said?.retryAfter;
  return new ApiError(`cannot ${words}: ${server} answers ${status} ${title}${text === '' ? '' : `: ${text}`}${hint}`, {
    status,
    reason: said?.reason ?? title.replaceAll(' ', ''),
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** The object of a watch event of type ERROR. */
export function watchRefusal({ words, server }: Question, object: unknown): ApiError {
  const said = readStatus(object);
  if (said?.code === undefined) return malformed({ words, server }, 'an ERROR event without a Status object');
  return new ApiError(`cannot ${words}: ${server} ends the watch with ${said.code}: ${said.message ?? said.reason ?? 'no reason given'}`, {
    status: said.code,
    reason: said.reason ?? (TITLES[said.code] ?? 'Unknown').replaceAll(' ', ''),
    ...(said.retryAfter !== undefined && { retryAfter: said.retryAfter }),
  });
}

/** `fact`: what arrived instead of what was asked for. */
export function malformed({ words, server }: Question, fact: string, cause?: unknown): ApiError {
  const message = `cannot ${words}: ${server} has sent ${fact}: check what stands between here and the API server`;
  return new ApiError(message, { status: 0, reason: 'Malformed', cause });
}

export function unanswered({ words }: Question, error: NoAnswer): ApiError {
  return new ApiError(`cannot ${words}: ${error.message}`, { status: 0, reason: error.reason, cause: error });
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfter?: number;
}

function parseStatus(body: string): Status | undefined {
  try {
    return readStatus(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function readStatus(value: unknown): Status | undefined {
  if (!isRecord(value) || value['kind'] !== 'Status') return undefined;
  const { code, reason, message, details } = value;
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  return {
    ...(typeof code === 'number' && { code }),
    ...(typeof reason === 'string' && reason !== '' && { reason }),
    ...(typeof message === 'string' && { message: cut(message, LONGEST_MESSAGE) }),
    ...(typeof seconds === 'number' && seconds > 0 && { retryAfter: seconds * 1000 }),
  };
}

/** Seconds; the API server never sends the other form, a date. */
function retryAfterMilliseconds(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** The words of a page that is not for us. */
function quote(body: string): string {
  const text = body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return cut(text, LONGEST_QUOTE);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}
