import { IpamRefused, IpamUnavailable } from '../provider.ts';
import type { Foreign, HttpAnswer, Refusal } from './answer.ts';

/** What the client is set up with, for messages: they name where it speaks to, and where a person changes that. */
export interface Setting {
  /** `https://ipam.example/api/fairlead` */
  readonly address: string;
  readonly auth: 'UserToken' | 'AppCode' | 'None';
  /** `Secret phpipam`, or the words for there being none. */
  readonly secret: string;
}

/** Milliseconds that phpIPAM blocks an address which has sent wrong passwords, and a little more. */
export const BLOCKED_MILLISECONDS = 5 * 60_000 + 5000;
const BUSY_MILLISECONDS = 5000;

/** How a refusal is to be taken that says the same wherever it is met; `other`: the one who asked knows what it means. */
export type Verdict =
  | { readonly type: 'other' }
  /** The token, or the code of the application, is not accepted. */
  | { readonly type: 'token' }
  | { readonly type: 'credentials'; readonly error: IpamRefused }
  | { readonly type: 'blocked'; readonly error: IpamUnavailable }
  | { readonly type: 'failed'; readonly error: IpamUnavailable | IpamRefused };

/** A 500 without a word: PHP has ended in the middle. */
export class SilentFailure extends IpamUnavailable {}

/** By the code and the beginning of the message, as phpIPAM 1.5 to 1.8 answer. */
export function judge({ code, message }: Refusal, setting: Setting): Verdict {
  const says = (text: string): boolean => message.startsWith(text);
  const refused = (fix: string): Verdict => ({ type: 'failed', error: new IpamRefused(`${asked(setting)} says "${message}": ${fix}`) });

  if ((code === 401 && says('Unauthorized')) || (code === 403 && TOKEN_MESSAGES.some(says))) return { type: 'token' };
  if (code === 500 && (says('Invalid username or password') || says('User account is disabled'))) {
    return {
      type: 'credentials',
      error: new IpamRefused(`${asked(setting)} says "${message}": correct ${setting.secret}, or the user in phpIPAM`),
    };
  }
  if (code === 500 && says('Your IP has been blocked')) return { type: 'blocked', error: blocked(setting) };
  const fix = FIXES.find((each) => each.code === code && says(each.says));
  if (fix) return refused(typeof fix.fix === 'string' ? fix.fix : fix.fix(setting));
  if (says('Cannot obtain lock') || says('MySQL wait timeout exceeded')) return busy(setting, message);
  if (code === 429) return busy(setting, message);
  return { type: 'other' };
}

/** The refusal is none of those that the question can have. */
export function unexpected({ code, message }: Refusal, setting: Setting): IpamUnavailable | IpamRefused {
  const words = `${asked(setting)} answers ${code} "${message}"`;
  if (code >= 500) return new IpamUnavailable(`${words}: look into the logs of phpIPAM`, { retryAfter: BUSY_MILLISECONDS });
  return new IpamRefused(`${words}: check that it is a phpIPAM of version 1.5 or later, and its settings`);
}

/**
 * What answered was not phpIPAM, or phpIPAM without a word, as when PHP has no memory or the database is away. A page that says 404 is no
 * absence: the address is wrong, or a proxy is in the way.
 */
export function foreignAnswer({ words }: Foreign, { status, location, retryAfter }: HttpAnswer, setting: Setting): Error {
  const page = `answers ${status} with a page that is not for programs ("${words}")`;
  const fact = `${asked(setting)} ${words === '' ? `answers ${status} without a word` : page}`;
  if (status === 429 || status >= 500) {
    const Failure = status === 500 && words === '' ? SilentFailure : IpamUnavailable;
    const wait = milliseconds(retryAfter) ?? BUSY_MILLISECONDS;
    return new Failure(`${fact}: look into the logs of the web server and of PHP`, { retryAfter: wait });
  }
  if (status >= 300 && status < 400) {
    const elsewhere = `answers ${status} and sends us on to ${location ?? 'nowhere'}`;
    return new IpamRefused(`${asked(setting)} ${elsewhere}: put the address that serves the API into url`);
  }
  const isBroken = words === '' || /^[[{]/.test(words);
  if (isBroken) return new IpamUnavailable(`${fact}: the answer is not whole`, { retryAfter: BUSY_MILLISECONDS });
  return new IpamRefused(`${fact}: correct url, which has to be where phpIPAM's start page is, or what stands before phpIPAM`);
}

export function blocked(setting: Setting, retryAfter: number = BLOCKED_MILLISECONDS): IpamUnavailable {
  const fact = 'has blocked this address for 5 minutes, because of logins with a wrong password from here';
  return new IpamUnavailable(`${asked(setting)} ${fact}: correct ${setting.secret}, or find who else logs in from this address`, {
    retryAfter,
  });
}

/** The beginning of every message. */
export function asked({ address }: Setting): string {
  return `phpIPAM at ${address}`;
}

function busy(setting: Setting, message: string): Verdict {
  const words = `${asked(setting)} is busy ("${message}")`;
  return { type: 'failed', error: new IpamUnavailable(words, { retryAfter: BUSY_MILLISECONDS }) };
}

/** Seconds; a date is left to our own patience. */
function milliseconds(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
}

const TOKEN_MESSAGES = ['Token expired', 'Invalid token', 'Please provide token'];

interface Fix {
  readonly code: number;
  readonly says: string;
  readonly fix: string | ((setting: Setting) => string);
}

/** Stays so until a person changes something. */
const FIXES: readonly Fix[] = [
  { code: 401, says: 'invalid permissions', fix: 'give the application the permission Read / Write (Administration, API)' },
  { code: 400, says: 'Invalid application id', fix: 'correct appID, or make the application (Administration, API)' },
  { code: 503, says: 'Application disabled', fix: 'give the application the permission Read / Write (Administration, API)' },
  { code: 503, says: 'API server disabled', fix: 'enable the API (Administration, phpIPAM settings)' },
  { code: 503, says: 'Invalid app security', fix: 'choose another "App security" for the application (Administration, API)' },
  { code: 503, says: 'SSL connection is required for API', fix: sslFix },
  {
    code: 400,
    says: 'Please provide username and password',
    fix: 'the web server drops the header Authorization: for Apache with PHP-FPM set "CGIPassAuth On"',
  },
  { code: 409, says: 'Authentication not needed', fix: 'it is an application with a code: set auth: AppCode' },
  { code: 415, says: 'Invalid Content type', fix: 'let what stands before phpIPAM pass the header Content-Type' },
  {
    code: 500,
    says: 'Error: SQLSTATE[22001]',
    fix: 'its columns are shorter than phpIPAM makes them: let phpIPAM verify its database (Administration, Verify database)',
  },
  { code: 500, says: 'Cannot open file', fix: 'let the web server write its lock file, or choose another lock for the API' },
];

function sslFix({ auth }: Setting): string {
  const proxy = 'behind a proxy that ends TLS, set $trust_x_forwarded_headers = true in config.php';
  if (auth !== 'None') return `write https:// into url; ${proxy}`;
  return `auth: None needs $api_allow_unsafe = true in config.php: better choose "SSL with User token" for the application, auth: UserToken and https://`;
}
