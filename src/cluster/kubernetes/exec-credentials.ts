import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../runtime/clock.ts';
import { isRecord } from './client-objects.ts';
import { NoAnswer } from './connection-errors.ts';
import type { Credential, Credentials } from './credentials.ts';

/** A program that waits for somebody at a terminal is given all the time that it wants; any other this long. */
const RUN_MILLISECONDS = 60_000;

/** Credentials that a program prints: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
export interface ExecPlugin {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What to tell somebody who lacks the program. */
  readonly installHint?: string;
  /** Whether it may talk to the person at the terminal. */
  readonly interactive: boolean;
  /** `spec.cluster` of what it is told, when it wants to be told. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  /** `context "prod" of /root/.kube/config` */
  readonly origin: string;
}

/** Runs the program when its last answer has expired or was refused; whoever asks meanwhile shares the run. */
export class ExecCredentials implements Credentials {
  readonly #plugin: ExecPlugin;
  readonly #clock: Clock;
  #last: { readonly credential: Credential; readonly expires: number } | undefined;
  #running: Promise<Credential> | undefined;

  constructor(plugin: ExecPlugin, clock: Clock) {
    this.#plugin = plugin;
    this.#clock = clock;
  }

  async current(): Promise<Credential> {
    if (this.#last !== undefined && this.#clock.date().getTime() < this.#last.expires) return this.#last.credential;
    return this.#run();
  }

  async renewed(refused: Credential): Promise<Credential> {
    if (this.#last?.credential === refused) this.#last = undefined;
    return this.current();
  }

  #run(): Promise<Credential> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #ask(): Promise<Credential> {
    const { command, origin, apiVersion } = this.#plugin;
    const output = await run(this.#plugin, this.#clock);
    try {
      this.#last = readOutput(output, apiVersion);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      throw new NoAnswer('Unreachable', `the credential plugin "${command}" in ${origin} has printed no usable ExecCredential: ${words}`);
    }
    return this.#last.credential;
  }
}

/** What it prints. @throws NoAnswer */
async function run(plugin: ExecPlugin, clock: Clock): Promise<string> {
  const { apiVersion, command, args, env, installHint, interactive, cluster, origin } = plugin;
  // In a pod nobody has plugins.
  const { spawn } = await import('node:child_process');
  const info = { kind: 'ExecCredential', apiVersion, spec: { interactive, ...(cluster !== undefined && { cluster }) } };
  const child = spawn(command, args, {
    env: { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', interactive ? 'inherit' : 'pipe'],
    // What it starts can be ended with it then.
    detached: !interactive,
  });
  return new Promise((resolve, reject) => {
    const late = (): void => {
      end(child);
      fail(`has not ended within ${RUN_MILLISECONDS / 1000} s: see what it waits for`);
    };
    const stopTimer = interactive ? () => {} : clock.after(RUN_MILLISECONDS, late);
    const fail = (words: string): void => {
      stopTimer();
      const hint = installHint === undefined ? '' : `; ${installHint.trim()}`;
      reject(new NoAnswer('Unreachable', `the credential plugin "${command}" in ${origin} ${words}${hint}`));
    };
    let output = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ENOENT' ? 'is not installed' : `cannot be run (${error.message})`);
    });
    child.once('close', (code, signal) => {
      stopTimer();
      if (code === 0) resolve(output);
      else fail(`ended with ${signal ?? `status ${code}`}${complaint === '' ? '' : `: ${complaint.trim().split('\n').at(-1)}`}`);
    });
  });
}

/** Also when it ignores signals, and what it has started: that may hold its output open for ever. */
function end({ pid, exitCode, signalCode, stdout, stderr }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
  stdout?.destroy();
  stderr?.destroy();
}

/** @throws Error saying what is wrong, without a word of what may be a secret */
function readOutput(text: string, wanted: string): { readonly credential: Credential; readonly expires: number } {
  const value = parse(text);
  const { kind, apiVersion, status } = isRecord(value) ? value : {};
  if (kind !== 'ExecCredential') throw new Error('its kind is not ExecCredential');
  if (apiVersion !== wanted) throw new Error(`its apiVersion is ${JSON.stringify(apiVersion)} instead of ${wanted}`);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = isRecord(status) ? status : {};
  const hasToken = typeof token === 'string' && token !== '';
  const hasCertificate = typeof certificate === 'string' && typeof key === 'string';
  if (!hasToken && !hasCertificate) throw new Error('its status has neither a token nor clientCertificateData with clientKeyData');
  const expires = expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(expirationTimestamp));
  if (Number.isNaN(expires)) throw new Error(`its expirationTimestamp ${JSON.stringify(expirationTimestamp)} is no time`);
  return { credential: { ...(hasToken && { token: token.trim() }), ...(hasCertificate && { certificate, key }) }, expires };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
