import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeApi } from './fake/api.ts';
import type { FakeDatabase, Version } from './fake/database.ts';

export const RECORDINGS = join(import.meta.dirname, '../fixtures/phpipam');

/** One request to a real phpIPAM, and what it answered. */
export interface Exchange {
  readonly note?: string;
  readonly request: {
    readonly method: string;
    readonly scheme: 'http' | 'https';
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** Absent when there was no answer: `error` says why. */
  readonly response?: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly error?: string;
}

export interface Recording {
  readonly phpipam: Version;
  readonly note: string;
  readonly exchanges: readonly Exchange[];
}

/** What can be compared of an answer: without identifiers of requests, times, and how long something took. */
export interface Comparable {
  readonly status: number;
  readonly location: string | undefined;
  /** Parsed when it is JSON; of a page only that it is one; empty when it is. */
  readonly body: unknown;
}

/** By its name, without `.json`. */
export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(join(RECORDINGS, `${name}.json`), 'utf8')) as Recording;
}

/** What was recorded. */
export function recorded({ response }: Exchange): Comparable | undefined {
  if (!response) return undefined;
  return comparable(response.status, response.headers, response.body);
}

/** What the fake answers to the same request. */
export async function replayed(api: FakeApi, { request }: Exchange): Promise<Comparable> {
  const { method, scheme, path, headers = {}, body = '' } = request;
  const sent = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.replace(/^Basic base64\((.*)\)$/, encoded)]);
  const answer = await api.answer({
    method,
    path,
    body: whole(body),
    headers: Object.fromEntries(sent),
    secure: scheme === 'https',
    from: '192.0.2.1',
  });
  return comparable(answer.status, answer.headers, answer.body);
}

/** Makes the database give the identifiers and tokens that were recorded, where it has to make one. */
export function foresee(database: FakeDatabase, { response, request }: Exchange): void {
  const said: unknown = response?.body.startsWith('{') ? JSON.parse(response.body) : {};
  const { id, data } = said as { readonly id?: string; readonly data?: { readonly token?: string } | null };
  if (id !== undefined) database.nextId = Number(id);
  if (request.method === 'POST' && data?.token !== undefined) database.nextToken = data.token;
}

/** A long body was recorded as its beginning and its length. */
function whole(body: string): string {
  const [, beginning, bytes] = /^(.*)…\((\d+) bytes\)$/s.exec(body) ?? [];
  if (beginning === undefined) return body;
  const end = '"}';
  return `${beginning}${beginning.slice(-1).repeat(Number(bytes) - beginning.length - end.length)}${end}`;
}

function encoded(_: string, credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function comparable(status: number, headers: Readonly<Record<string, string>>, body: string): Comparable {
  return { status, location: headers['Location'], body: readBody(body) };
}

function readBody(body: string): unknown {
  if (body === '' || body.startsWith('…(0 bytes)')) return '';
  const start = body.indexOf('{"code"');
  if (start < 0) return 'a page';
  return JSON.parse(body.slice(start), (key, value: unknown) => settled(key, value));
}

function settled(key: string, value: unknown): unknown {
  if (key === 'time') return 0;
  if (key === 'expires' || (key === 'editDate' && value !== null)) return 'a date';
  if (key === 'message' && typeof value === 'string') return value.replace(/after [\d.]+ seconds/, 'after N seconds');
  return value;
}
