import type { FakeDatabase } from './database.ts';
import { type FakeAnswer, page, SILENCE } from './wire.ts';

/** What goes wrong with one request. */
export interface Fault {
  /** Whether phpIPAM carries the request out all the same: `late` when the client is long gone. */
  readonly acts: 'no' | 'yes' | 'late';
  /** `cut`: the connection ends in the middle of the answer. */
  readonly answer: 'hang' | 'reset' | 'cut' | ((real: FakeAnswer) => FakeAnswer);
  /** Before anything else happens. */
  readonly prepare?: (database: FakeDatabase) => void;
  /** Milliseconds before the answer. */
  readonly delay?: number;
}

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };
const BUSY =
  '{"code":500,"success":false,"message":"Cannot obtain lock for \\/tmp\\/phpipam_api_lock.txt after 30.0012 seconds","time":30.002}';
const GONE = '{"code":500,"success":false,"message":"Error: SQLSTATE[HY000]: General error: 2006 MySQL server has gone away","time":0.1}';

function says(status: number, body: string): () => FakeAnswer {
  return () => ({ status, headers: JSON_TYPE, body });
}

/** `real` as it is: the request is answered, and something else is wrong. */
const real = (answer: FakeAnswer): FakeAnswer => answer;
const badGateway = (): FakeAnswer => page(502, 'Bad Gateway');
const notFound = (): FakeAnswer => page(404, 'Not Found');
const welcome = (): FakeAnswer => page(200, 'Welcome to nginx!');
const half = (answer: FakeAnswer): FakeAnswer => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) });
const tooMany = (): FakeAnswer => ({ ...page(429, 'Too Many Requests'), headers: { 'Content-Type': 'text/html', 'Retry-After': '2' } });

/** Everything that has been seen to go wrong with phpIPAM, and what can go wrong between. */
export const FAULTS = {
  'no answer, not done': { acts: 'no', answer: 'hang' },
  'no answer, done': { acts: 'yes', answer: 'hang' },
  'no answer, done later': { acts: 'late', answer: 'hang' },
  'reset, not done': { acts: 'no', answer: 'reset' },
  'reset, done': { acts: 'yes', answer: 'reset' },
  'cut off, done': { acts: 'yes', answer: 'cut' },
  'silent 500, not done': { acts: 'no', answer: () => SILENCE },
  'silent 500, done': { acts: 'yes', answer: () => SILENCE },
  'page 502, not done': { acts: 'no', answer: badGateway },
  'page 502, done': { acts: 'yes', answer: badGateway },
  'page 404, not done': { acts: 'no', answer: notFound },
  'page 404, done': { acts: 'yes', answer: notFound },
  'page 200, not done': { acts: 'no', answer: welcome },
  'page 200, done': { acts: 'yes', answer: welcome },
  'page 429': { acts: 'no', answer: tooMany },
  'half an answer, done': { acts: 'yes', answer: half },
  'wrong JSON, done': { acts: 'yes', answer: says(200, '{"code":200,"success":true,"data":{"surprise":[1]},"time":0}') },
  'JSON of somebody else, not done': { acts: 'no', answer: says(200, '["maintenance"]') },
  'lock not to be had': { acts: 'no', answer: says(200, BUSY) },
  'database gone': { acts: 'no', answer: says(500, GONE) },
  slow: { acts: 'yes', answer: real, delay: 30 },
  'token expired': { acts: 'yes', answer: real, prepare: (database) => database.expireTokens() },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;
