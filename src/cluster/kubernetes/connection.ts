import type { Clock } from '../../runtime/clock.ts';
import { closedByUs, type NoAnswer } from './connection-errors.ts';
import type { Credential } from './credentials.ts';
import { Rotating, type Source } from './credentials-file.ts';
import { Session } from './session.ts';

/** Where an API server is, and how it is known to be the right one. */
export interface Endpoint {
  /** `https://10.0.0.1:6443`, perhaps with a path before `/api`. */
  readonly server: string;
  /** Name in its certificate, when that is not the host. */
  readonly serverName?: string;
  /** PEM; absent: whom this machine trusts. */
  readonly certificateAuthority?: Source;
  /** Accepts any certificate. */
  readonly insecure?: boolean;
  /** Where this comes from, for messages: `context "prod" of /root/.kube/config`. */
  readonly origin: string;
}

/** The one connection to the API server: opened when it is wanted, replaced when the server drains it or a certificate has changed. */
export class Connection {
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #ca: Rotating | undefined;
  readonly #closing = new AbortController();
  /** All that are not gone: the present one, and those that finish what was under way. */
  readonly #sessions = new Set<Session>();
  #current: Session | undefined;
  #opening: Promise<Session> | undefined;

  constructor(endpoint: Endpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#ca = endpoint.certificateAuthority && new Rotating(endpoint.certificateAuthority, clock);
  }

  /** Opens one when there is none; whoever asks meanwhile shares the attempt. @throws NoAnswer */
  async session(credential: Credential): Promise<Session> {
    const current = this.#current;
    if (current?.usable && sameCertificate(current, credential) && current.options.ca === (await this.#ca?.current()) && current.usable) {
      return current;
    }
    this.#opening ??= this.#open(credential).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    const reason = this.#closed();
    await Promise.all([...this.#sessions].map((session) => session.destroy(reason)));
    await this.#opening?.catch(() => {});
  }

  async #open({ certificate, key }: Credential): Promise<Session> {
    const { server, serverName, insecure = false, origin } = this.#endpoint;
    const { hostname, port } = new URL(server);
    const ca = await this.#ca?.fresh();
    if (this.#closing.signal.aborted) throw this.#closed();
    const session = await Session.open({
      server,
      serverName,
      insecure,
      origin,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 443 : Number(port),
      ca,
      certificate,
      key,
      clock: this.#clock,
      signal: this.#closing.signal,
    });
    this.#current?.retire();
    this.#current = session;
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
    return session;
  }

  #closed(): NoAnswer {
    return closedByUs(this.#endpoint.server);
  }
}

function sameCertificate({ options }: Session, { certificate, key }: Credential): boolean {
  return options.certificate === certificate && options.key === key;
}
