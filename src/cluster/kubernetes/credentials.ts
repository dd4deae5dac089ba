import type { Clock } from '../../runtime/clock.ts';
import { Rotating, type Source } from './credentials-file.ts';
import { ExecCredentials, type ExecPlugin } from './exec-credentials.ts';

/** As whom requests are sent: a token, a client certificate, both or neither; or what a program says. */
export interface User {
  readonly token?: Source;
  /** PEM */
  readonly certificate?: { readonly certificate: Source; readonly key: Source };
  readonly exec?: ExecPlugin;
}

/** Equal identities are the same object. */
export interface Credential {
  readonly token?: string;
  /** PEM */
  readonly certificate?: string;
  readonly key?: string;
}

export interface Credentials {
  /** What to present now. @throws NoAnswer */
  current(): Promise<Credential>;
  /** What to present instead of what the server has refused; the same object when there is nothing else. @throws NoAnswer */
  renewed(refused: Credential): Promise<Credential>;
}

export function openCredentials(user: User, clock: Clock): Credentials {
  return user.exec === undefined ? new StoredCredentials(user, clock) : new ExecCredentials(user.exec, clock);
}

/** What the configuration says, and the files that it names. */
class StoredCredentials implements Credentials {
  readonly #token: Rotating | undefined;
  readonly #certificate: Rotating | undefined;
  readonly #key: Rotating | undefined;
  #last: Credential = {};

  constructor({ token, certificate }: User, clock: Clock) {
    this.#token = token && new Rotating(token, clock);
    this.#certificate = certificate && new Rotating(certificate.certificate, clock);
    this.#key = certificate && new Rotating(certificate.key, clock);
  }

  async current(): Promise<Credential> {
    return this.#settle(await Promise.all([this.#token?.current(), this.#certificate?.current(), this.#key?.current()]));
  }

  async renewed(): Promise<Credential> {
    return this.#settle(await Promise.all([this.#token?.fresh(), this.#certificate?.fresh(), this.#key?.fresh()]));
  }

  #settle([token, certificate, key]: readonly (string | undefined)[]): Credential {
    const last = this.#last;
    if (token === last.token && certificate === last.certificate && key === last.key) return last;
    this.#last = {
      ...(token !== undefined && { token }),
      ...(certificate !== undefined && { certificate }),
      ...(key !== undefined && { key }),
    };
    return this.#last;
  }
}
