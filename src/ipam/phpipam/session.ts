import type { Clock } from '../../runtime/clock.ts';
import type { Credentials } from '../credentials.ts';
import { IpamRefused, IpamUnavailable } from '../provider.ts';
import { isRecord } from './answer.ts';
import type { Conversation } from './conversation.ts';
import { type LoginGuard, MOST_REFUSED } from './login-guard.ts';
import { asked, unexpected } from './verdict.ts';

export interface SessionOptions {
  readonly conversation: Conversation;
  readonly guard: LoginGuard;
  readonly clock: Clock;
  /** As they are now: asked for again when they are refused, so that they may be changed at any time. */
  readonly credentials: () => Promise<Credentials>;
}

/** As whom phpIPAM is asked. */
export interface Session {
  /** For the header `token`. @throws IpamUnavailable @throws IpamRefused */
  token(): Promise<string>;
  /** Instead of one that was refused. @throws IpamUnavailable @throws IpamRefused: there is no other */
  renewed(refused: string): Promise<string>;
}

export function openSession(options: SessionOptions): Session {
  return options.conversation.setting.auth === 'AppCode' ? new CodeSession(options) : new LoginSession(options);
}

/** A login that is younger is not made again: what refuses its token would refuse the next one as well. */
const LOGIN_PAUSE = 5000;

/**
 * A user's token. It is this user's in every process and application, lives six hours from its last use, and is never given back: that
 * would end it for the other processes too.
 */
class LoginSession implements Session {
  readonly #options: SessionOptions;
  #token: string | undefined;
  #since = -LOGIN_PAUSE;
  #login: Promise<string> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async token(): Promise<string> {
    return this.#token ?? this.#shareLogin();
  }

  async renewed(refused: string): Promise<string> {
    if (this.#token !== refused) return this.token();
    const { clock, conversation } = this.#options;
    if (clock.now() - this.#since < LOGIN_PAUSE) {
      const fact = `${asked(conversation.setting)} refuses a token that it has just given`;
      const fix = 'if the application is one with a code, set auth: AppCode; else look for somebody else who logs in as this user';
      throw new IpamUnavailable(`${fact}: ${fix}`, { retryAfter: LOGIN_PAUSE });
    }
    this.#token = undefined;
    return this.#shareLogin();
  }

  #shareLogin(): Promise<string> {
    const { conversation, guard } = this.#options;
    this.#login ??= guard
      .logIn(conversation.server, () => this.#logIn())
      .finally(() => {
        this.#login = undefined;
      });
    return this.#login;
  }

  async #logIn(): Promise<string> {
    const { clock, conversation, guard } = this.#options;
    const basic = await this.#basic();
    const { address, secret } = conversation.setting;
    const login = JSON.stringify([address, secret, basic]);
    const early = guard.refusal(conversation.server, login) ?? this.#tooMany();
    if (early) throw early;
    const question = { method: 'POST', path: '/user/', body: undefined, signal: undefined } as const;
    const reply = await conversation.ask(question, { authorization: `Basic ${basic}` });
    if (reply.type === 'credentials') {
      guard.wrong(conversation.server, login, reply.error);
      throw reply.error;
    }
    if (reply.type === 'token') throw unexpected({ type: 'refusal', code: 401, message: 'Unauthorized' }, conversation.setting);
    if (reply.type === 'refusal') throw unexpected(reply, conversation.setting);
    const token = readToken(reply.data, conversation);
    guard.right(conversation.server);
    this.#token = token;
    this.#since = clock.now();
    return token;
  }

  #tooMany(): IpamUnavailable | undefined {
    const { conversation, guard } = this.#options;
    const pause = guard.pauseBefore(conversation.server);
    if (pause === 0) return undefined;
    const { setting } = conversation;
    const fact = `${asked(setting)} is not asked yet: its server has refused ${MOST_REFUSED} logins from here`;
    const fix = `more would make it block this address, so make sure that ${setting.secret} is right`;
    return new IpamUnavailable(`${fact}; ${fix}: the next login is tried in ${Math.ceil(pause / 1000)} s`, { retryAfter: pause });
  }

  async #basic(): Promise<string> {
    const { setting } = this.#options.conversation;
    const credentials = await currentCredentials(this.#options);
    if ('code' in credentials) throw wrongKeys(this.#options, `auth: ${setting.auth} needs username and password`);
    const { username, password } = credentials;
    return Buffer.from(`${withoutNewline(username)}:${withoutNewline(password)}`, 'utf8').toString('base64');
  }
}

/** The code of an application: nobody logs in. */
class CodeSession implements Session {
  readonly #options: SessionOptions;
  #code: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async token(): Promise<string> {
    this.#code ??= await this.#read();
    return this.#code;
  }

  async renewed(refused: string): Promise<string> {
    const code = await this.#read();
    this.#code = code;
    if (code !== refused) return code;
    const { setting } = this.#options.conversation;
    throw new IpamRefused(`${asked(setting)} does not accept the code: put the "App code" of this very application into ${setting.secret}`);
  }

  async #read(): Promise<string> {
    const credentials = await currentCredentials(this.#options);
    if (!('code' in credentials)) throw wrongKeys(this.#options, 'auth: AppCode needs code');
    const code = withoutNewline(credentials.code);
    if (!/^[\x21-\x7e]+$/.test(code)) throw wrongKeys(this.#options, 'its code has characters that no code has');
    return code;
  }
}

async function currentCredentials({ credentials, conversation }: SessionOptions): Promise<Credentials> {
  try {
    return await credentials();
  } catch (error) {
    if (error instanceof IpamRefused || error instanceof IpamUnavailable) throw error;
    const words = error instanceof Error ? error.message : String(error);
    const { setting } = conversation;
    throw new IpamUnavailable(`${asked(setting)} cannot be asked, ${setting.secret} could not be read: ${words}`, { cause: error });
  }
}

function wrongKeys({ conversation }: SessionOptions, what: string): IpamRefused {
  return new IpamRefused(`${asked(conversation.setting)} cannot be asked with ${conversation.setting.secret}: ${what}`);
}

/** `echo secret | base64` has put many a newline into a Secret. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function readToken(data: unknown, { setting }: Conversation): string {
  const token = isRecord(data) ? data['token'] : undefined;
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new IpamUnavailable(`${asked(setting)} has answered a login without a token: check that it is a phpIPAM of version 1.5 or later`);
}
