/** There was no answer to a request; the message is a whole clause, with the fix. The client says which request it was. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly reason: 'Unreachable' | 'Timeout' | 'Malformed';
  /** Whether the server has certainly not looked at the request, so that it may be sent again (RFC 9113, 8.7). */
  readonly unprocessed: boolean;

  constructor(reason: NoAnswer['reason'], message: string, options: { cause?: unknown; unprocessed?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.unprocessed = options.unprocessed ?? false;
  }
}

export function closedByUs(server: string): NoAnswer {
  return new NoAnswer('Unreachable', `the connection to ${server} was closed here`);
}

/** What is known about a server when it cannot be reached, for the message. */
export interface Suspect {
  readonly server: string;
  readonly host: string;
  /** Where the address and the certificates come from: `context "prod" of /root/.kube/config`. */
  readonly origin: string;
}

/** Why a connection could not be opened. */
export function connectFailure(error: unknown, { server, host, origin }: Suspect): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const { code = '', words } = describe(error);
  return new NoAnswer('Unreachable', sentence(), { cause: error });

  function sentence(): string {
    if (code === 'ECONNREFUSED') return `nothing listens at ${server} (${code}): start the API server, or correct the address in ${origin}`;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      return `the name ${host} of the API server cannot be resolved (${code}): check DNS, or correct the address in ${origin}`;
    }
    if (UNTRUSTED.has(code)) {
      return `the certificate of ${server} is not signed by the CA in ${origin} (${code}): put the CA of that cluster there`;
    }
    if (code === 'CERT_HAS_EXPIRED') return `the certificate of ${server} has expired: renew it on the API server`;
    if (code === 'CERT_NOT_YET_VALID') return `the certificate of ${server} is not valid yet: set the clock of this machine`;
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      return `the certificate of ${server} is for other names (${words}): use one of them, or tls-server-name, in ${origin}`;
    }
    if (code.includes('ALERT')) return `${server} refuses the TLS handshake (${code}): check the client certificate in ${origin}`;
    if (/^ERR_(SSL|OSSL|CRYPTO)/.test(code)) return `no TLS connection to ${server} (${words}): check the certificates in ${origin}`;
    return `${server} cannot be reached (${words}): check the network between here and there`;
  }
}

/** Why a connection that was open is gone. */
export function connectionLost(error: unknown, suspect: Suspect): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const { code = '', words } = describe(error);
  if (code.includes('ALERT')) return connectFailure(error, suspect);
  return new NoAnswer('Unreachable', `the connection to ${suspect.server} was lost (${words})`, { cause: error });
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

function describe(error: unknown): { readonly code?: string; readonly words: string } {
  if (!(error instanceof Error)) return { words: error === undefined ? 'it ended' : String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { ...(code !== undefined && { code }), words: error.message || (code ?? error.name) };
}
