import { IpamRefused, IpamUnavailable } from '../provider.ts';

/** Why there was no answer: what a person must mend is IpamRefused, all else may pass. `at`: the address that was spoken to. */
export function connectionError(error: unknown, at: URL): IpamUnavailable | IpamRefused {
  if (error instanceof IpamUnavailable || error instanceof IpamRefused) return error;
  const { code, words } = describe(error);
  const fix = FIXES.find(([pattern]) => pattern.test(code))?.[1];
  if (fix !== undefined) return new IpamRefused(`phpIPAM at ${at.href}: ${fix} (${code})`, { cause: error });
  const cause = TROUBLES[code] ?? 'it cannot be reached: check the network between the controller and phpIPAM';
  return new IpamUnavailable(`phpIPAM at ${at.href}: ${cause} (${words})`, { cause: error });
}

/** Codes of OpenSSL, by way of Node: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [
    /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_SIGNATURE_|CERT_UNTRUSTED|INVALID_CA)/,
    'its certificate is signed by nobody whom this program trusts: put the certificate of its CA into caBundle',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: renew it'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: set the clocks'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'its certificate is for another name: use that name in url, or have a certificate for this one'],
  [
    /^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/,
    'it does not speak TLS at this port: correct the port, or write http:// in url',
  ],
  [/^(ERR_SSL_|ERR_OSSL_|ERR_TLS_|ERR_CRYPTO_)/, 'no TLS connection comes about: check caBundle, and the TLS versions of the web server'],
];

const TROUBLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: start the web server, or correct url',
  ENOTFOUND: 'the name cannot be resolved: check DNS, or correct url',
  EAI_AGAIN: 'the name cannot be resolved: check DNS, or correct url',
  ECONNRESET: 'the connection was cut',
};

function describe(error: unknown): { readonly code: string; readonly words: string } {
  if (!(error instanceof Error)) return { code: '', words: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, words: code === '' ? error.message : code };
}
