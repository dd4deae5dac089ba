/** A request as the web server hands it to phpIPAM. */
export interface FakeRequest {
  readonly method: string;
  /** As it was sent, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly secure: boolean;
  /** Address of the client. */
  readonly from: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a controller gives back on success. */
export interface Result {
  readonly code: 200 | 201;
  readonly data?: unknown;
  readonly message?: string;
  readonly id?: string;
  readonly location?: string;
}

/** phpIPAM says no: thrown by whatever finds out. `status`: of HTTP, when it is not the code. */
export class No extends Error {
  readonly code: number;
  readonly status: number;

  constructor(code: number, message: string, status: number = code) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** PHP ends in the middle: HTTP 500 and nothing else. */
export class PhpEnds extends Error {}

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

export function toAnswer({ code, data, message, id, location }: Result, stringify: boolean): FakeAnswer {
  const body = { code, success: true, message, id, data: stringify ? stringified(data) : data, time: 0.001 };
  return { status: code, headers: { ...JSON_TYPE, ...(location !== undefined && { Location: location }) }, body: phpJson(body) };
}

export function refusalAnswer({ code, status, message }: No): FakeAnswer {
  const location = code === 401 ? { Location: '/api//user/' } : {};
  return { status, headers: { ...JSON_TYPE, ...location }, body: phpJson({ code, success: false, message, time: 0.001 }) };
}

export const SILENCE: FakeAnswer = { status: 500, headers: { 'Content-Type': 'text/html; charset=UTF-8' }, body: '' };

/** A page of the web server. */
export function page(status: number, title: string): FakeAnswer {
  const body = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: { 'Content-Type': 'text/html' }, body };
}

/** As PHP writes it. */
function phpJson(value: object): string {
  return JSON.stringify(value).replaceAll('/', '\\/');
}

/** Every number in the data as a text: the other dialect. */
function stringified(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(stringified);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, stringified(each)]));
}
