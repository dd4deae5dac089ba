import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecked } from '../../lab/process.ts';

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** PEM */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of a test. Node cannot make certificates, so openssl does. */
export class Authority {
  readonly certificate: string;
  readonly #folder: string;

  static async make(name = 'authority'): Promise<Authority> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-ca-'));
    const files = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.crt')];
    await runChecked('openssl', ['req', '-x509', ...EC_KEY, ...files, '-subj', `/CN=${name}`, '-days', '2']);
    return new Authority(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.certificate = readFileSync(join(folder, 'ca.crt'), 'utf8');
  }

  /** For a server at these names. */
  server(...names: readonly string[]): Promise<Identity> {
    const extensions = join(this.#folder, 'ext');
    writeFileSync(extensions, `subjectAltName=${names.join(',')}\n`);
    return this.#issue('/CN=server', 2, ['-extfile', extensions]);
  }

  /** `days` below 0: it has expired. */
  client(name: string, days = 2): Promise<Identity> {
    return this.#issue(`/CN=${name}`, days, []);
  }

  delete(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #issue(subject: string, days: number, extra: readonly string[]): Promise<Identity> {
    const at = (name: string): string => join(this.#folder, name);
    await runChecked('openssl', ['req', '-new', ...EC_KEY, '-keyout', at('key'), '-out', at('csr'), '-subj', subject]);
    const signing = ['-in', at('csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-days', String(days), '-out', at('crt')];
    await runChecked('openssl', ['x509', '-req', ...signing, ...extra]);
    return { certificate: readFileSync(at('crt'), 'utf8'), key: readFileSync(at('key'), 'utf8') };
  }
}
