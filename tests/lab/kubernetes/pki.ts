import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bits, generalName, integer, objectId, octets, sequence, set, tagged, time, utf8, yes } from './der.ts';

/** A certificate and its private key, both as PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** Who a certificate is for. To Kubernetes the name is the user and the organisations are the groups. */
export interface Subject {
  readonly name: string;
  readonly groups?: readonly string[];
  /** Addresses and DNS names of a server. */
  readonly hosts?: readonly string[];
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const SERVER_AND_CLIENT = sequence(objectId('1.3.6.1.5.5.7.3.1'), objectId('1.3.6.1.5.5.7.3.2'));

/** A certificate authority of a test: keys on P-256, which take a millisecond each (RFC 5280). */
export class Authority implements Identity {
  readonly certificate: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { privateKey } = newKey();
    this.#name = name;
    this.#key = privateKey;
    this.certificate = this.#sign({ name }, privateKey, [
      extension('2.5.29.19', sequence(yes), true),
      // digitalSignature, keyCertSign, cRLSign
      extension('2.5.29.15', bits(Buffer.from([0x86]), 1), true),
    ]);
  }

  get key(): string {
    return pem(this.#key);
  }

  /** A certificate for ten years, which serves a server as well as a client. */
  issue(subject: Subject): Identity {
    const { privateKey } = newKey();
    const hosts = subject.hosts ?? [];
    const certificate = this.#sign(subject, privateKey, [
      extension('2.5.29.15', bits(Buffer.from([0x80]), 7), true),
      extension('2.5.29.37', SERVER_AND_CLIENT),
      ...(hosts.length === 0 ? [] : [extension('2.5.29.17', sequence(...hosts.map(generalName)))]),
    ]);
    return { certificate, key: pem(privateKey) };
  }

  #sign(subject: Subject, key: KeyObject, extensions: readonly Buffer[]): string {
    const now = Date.now();
    const body = sequence(
      tagged(0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      distinguishedName({ name: this.#name }),
      sequence(time(new Date(now - DAY_MS)), time(new Date(now + 3650 * DAY_MS))),
      distinguishedName(subject),
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
      tagged(3, sequence(...extensions)),
    );
    const whole = sequence(body, ECDSA_WITH_SHA256, bits(sign('sha256', body, this.#key)));
    return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replace(/.{64}/g, '$&\n').trim()}\n-----END CERTIFICATE-----\n`;
  }
}

/** A key that signs and one that checks service account tokens. */
export function signingKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = newKey();
  return { privateKey: pem(privateKey), publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

function newKey(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** SEC1, which every part of Kubernetes reads. */
function pem(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }).toString();
}

function distinguishedName({ name, groups = [] }: Subject): Buffer {
  const part = (id: string, text: string) => set(sequence(objectId(id), utf8(text)));
  return sequence(...groups.map((group) => part('2.5.4.10', group)), part('2.5.4.3', name));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(objectId(id), ...(critical ? [yes] : []), octets(value));
}
