import { X509Certificate } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Clock } from '../../runtime/clock.ts';
import { IpamRefused, IpamUnavailable } from '../provider.ts';
import type { HttpAnswer } from './answer.ts';
import { connectionError } from './connection-errors.ts';

/** Connections at a time: phpIPAM stores a PHP session for each call, and locks out nobody who asks calmly. */
export const PLACES = 4;

/** A connection that was quiet for so long is not used again: the web server may be closing it. */
const IDLE_MILLISECONDS = 4000;

/** 20,000 rows of a subnet have 7 MB; PHP gives up before it has so much. */
const LONGEST_BODY = 1 << 26;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** After `/api/<app>`, with a slash at both ends: `/user/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Milliseconds for all of it. */
  readonly patience: number;
  readonly signal: AbortSignal | undefined;
}

export interface TransportOptions {
  /** `https://host[/base]` */
  readonly url: string;
  readonly appID: string;
  /** PEM; absent: what this machine trusts. */
  readonly caBundle: string | undefined;
  readonly insecureSkipTLSVerify: boolean;
  readonly clock: Clock;
}

/** HTTP to one phpIPAM. It knows nothing of what is said. */
export class Transport {
  /** Of the application, for messages: it has no credentials in it. */
  readonly address: URL;
  readonly #agent: HttpAgent;
  readonly #request: typeof requestHttp;
  readonly #clock: Clock;
  readonly #closing = new AbortController();

  /** @throws IpamRefused when the settings cannot be used. */
  constructor(options: TransportOptions) {
    this.address = addressOf(options);
    this.#clock = options.clock;
    const shared = { keepAlive: true, maxSockets: PLACES, timeout: IDLE_MILLISECONDS };
    const secure = this.address.protocol === 'https:';
    this.#request = secure ? requestHttps : requestHttp;
    this.#agent = secure
      ? new HttpsAgent({ ...shared, secureContext: trust(options.caBundle), rejectUnauthorized: !options.insecureSkipTLSVerify })
      : new HttpAgent(shared);
  }

  /** @throws IpamUnavailable: the request may have been carried out all the same. @throws IpamRefused */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    const lost = new AbortController();
    const stop = this.#clock.after(request.patience, () => lost.abort(this.#late(request)));
    const signal = AbortSignal.any([lost.signal, this.#closing.signal, ...(request.signal ? [request.signal] : [])]);
    try {
      return await this.#attempt(request, signal, request.method === 'GET');
    } catch (error) {
      throw this.#explain(error, lost.signal, request.signal);
    } finally {
      stop();
    }
  }

  close(): void {
    this.#closing.abort();
    this.#agent.destroy();
  }

  /** A server may close a kept connection at the very moment it is used again; what only reads is then asked once more. */
  async #attempt(request: HttpRequest, signal: AbortSignal, again: boolean): Promise<HttpAnswer> {
    const sent = this.#send(request, signal);
    try {
      return await answerOf(sent);
    } catch (error) {
      if (!again || !sent.reusedSocket || signal.aborted) throw error;
      return this.#attempt(request, signal, false);
    }
  }

  #send({ method, path, headers, body }: HttpRequest, signal: AbortSignal): ClientRequest {
    const url = new URL(this.address);
    url.pathname += path;
    // Behind nginx, phpIPAM up to 1.7 refuses requests without a type, also those without a body.
    const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
    return this.#request(url, { method, agent: this.#agent, signal, headers: all }).end(body);
  }

  #explain(error: unknown, late: AbortSignal, caller: AbortSignal | undefined): Error {
    if (late.aborted && late.reason instanceof Error) return late.reason;
    if (this.#closing.signal.aborted || caller?.aborted) {
      return new IpamUnavailable(`phpIPAM at ${this.address.href}: the question was given up here`, { cause: error });
    }
    return connectionError(error, this.address);
  }

  #late({ method, path, patience }: HttpRequest): IpamUnavailable {
    const fix = 'check its load, its database and the network';
    return new IpamUnavailable(`phpIPAM at ${this.address.href} has not answered ${method} ${path} within ${patience / 1000} s: ${fix}`);
  }
}

async function answerOf(request: ClientRequest): Promise<HttpAnswer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => request.once('response', resolve).once('error', reject));
  // From here on a broken connection is told by the response; without a listener the request would throw it at the process.
  request.on('error', () => {});
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > LONGEST_BODY) throw new IpamUnavailable(`an answer of phpIPAM is longer than ${LONGEST_BODY >> 20} MiB`);
    chunks.push(chunk);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, body: Buffer.concat(chunks).toString('utf8'), location: headers.location, retryAfter: headers['retry-after'] };
}

function addressOf({ url, appID }: TransportOptions): URL {
  const address = URL.parse(`${url.replace(/\/+$/, '')}/api/${encodeURIComponent(appID)}`);
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new IpamRefused('phpIPAM cannot be asked: url is no address of a web server: write https://HOST, or https://HOST/PATH');
  }
  // Credentials belong into the Secret, and this address into messages.
  for (const part of ['username', 'password', 'search', 'hash'] as const) address[part] = '';
  return address;
}

function trust(caBundle: string | undefined): SecureContext {
  if (caBundle !== undefined) checkCertificates(caBundle);
  return createSecureContext({ ca: caBundle ?? [...getCACertificates('default'), ...getCACertificates('system')] });
}

/** OpenSSL would silently leave out what it cannot read. */
function checkCertificates(caBundle: string): void {
  const found = caBundle.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const text of found) new X509Certificate(text);
    if (found.length > 0) return;
  } catch (error) {
    throw new IpamRefused('phpIPAM cannot be asked: a certificate in caBundle cannot be read: paste it anew, in PEM', { cause: error });
  }
  throw new IpamRefused('phpIPAM cannot be asked: there is no certificate in caBundle: paste that of the CA, in PEM');
}
