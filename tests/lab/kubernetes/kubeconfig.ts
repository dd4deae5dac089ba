import { stringify } from 'yaml';
import type { Identity } from './pki.ts';

/** How a client shows who it is. */
export type Credentials = Identity | { readonly token: string } | { readonly tokenFile: string };

export interface KubeconfigOptions {
  readonly server: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly authority: string;
  readonly credentials: Credentials;
}

/** The text of a kubeconfig with everything inside it. */
export function kubeconfig({ server, authority, credentials }: KubeconfigOptions): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: 'user', user: user(credentials) }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'user' } }],
    'current-context': 'lab',
  });
}

function user(credentials: Credentials): Readonly<Record<string, string>> {
  if ('certificate' in credentials) {
    return { 'client-certificate-data': base64(credentials.certificate), 'client-key-data': base64(credentials.key) };
  }
  return credentials;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
