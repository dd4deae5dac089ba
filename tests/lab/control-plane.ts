import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../../tools/programs/programs.ts';
import type { Host } from './host.ts';
import { Api, type ApiConnection } from './kubernetes/api.ts';
import { type AuditedRequest, type AuditFilter, matches, readAudit, WRITE_VERBS } from './kubernetes/audit.ts';
import * as commands from './kubernetes/commands.ts';
import { Daemon } from './kubernetes/daemon.ts';
import { compactEtcd } from './kubernetes/etcd.ts';
import { type Credentials, kubeconfig } from './kubernetes/kubeconfig.ts';
import { Authority, type Subject } from './kubernetes/pki.ts';
import { CommandFailed, Running } from './process.ts';
import { destroy, type LabRecord, remember, sweep } from './record.ts';

export interface ControlPlaneOptions {
  /** Run in this host's namespace and serve on this address of it. Default: a loopback address of its own on this machine. */
  readonly place?: { readonly host: Host; readonly address: string };
  /** Signs all certificates. Default: a new one. */
  readonly authority?: Authority;
  /** More addresses and names that the server's certificate is valid for. */
  readonly hosts?: readonly string[];
  /** Also start kube-controller-manager: namespaces and owners then collect their objects, nodes go NotReady. Default: no. */
  readonly controllerManager?: boolean;
  /** It also gives nodes their pod ranges, of both families. */
  readonly allocateNodeRanges?: boolean;
  readonly scheduler?: boolean;
  /** More flags of kube-apiserver, for example `--min-request-timeout=60`. */
  readonly apiServerFlags?: readonly string[];
}

/** Who makes a request: a user by name and groups, or what proves it. */
export type Who = Credentials | Pick<Subject, 'name' | 'groups'>;

const ADMIN = { name: 'admin', groups: ['system:masters'] };
/** Endpoints may not be loopback addresses; nothing connects to this one (RFC 5737). */
const NOWHERE = '192.0.2.1';
const FENCE_POLL_MS = 5;

/**
 * Starts etcd and kube-apiserver, and resolves when the API serves (about 3 s; 400 MB).
 *
 *     await using plane = await startControlPlane();
 *     await plane.api.get('/api/v1/namespaces/default');
 *
 * It vanishes with its scope and with this process.
 * @throws ProgramUnavailable when the programs are not here and cannot be made
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  sweep();
  const id = randomBytes(3).toString('hex');
  const plane = new ControlPlane(options, remember(id, []));
  try {
    await plane.start();
  } catch (error) {
    await plane.stop();
    throw error;
  }
  return plane;
}

export class ControlPlane implements AsyncDisposable {
  /** Of the administrator. */
  readonly api: Api;
  readonly address: string;
  readonly port = commands.API_PORT;
  /** `https://address:port` */
  readonly url: string;
  /** The path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Signed the server's certificate, and signs those of users. */
  readonly authority: Authority;
  readonly #options: ControlPlaneOptions;
  readonly #record: LabRecord;
  readonly #etcd: Daemon;
  readonly #apiServer: Daemon;
  /** kube-controller-manager and kube-scheduler, when wanted. */
  readonly #controllers: readonly Daemon[];
  readonly #apis: Api[] = [];
  #gate: Running | undefined;
  #files = 0;

  constructor(options: ControlPlaneOptions, record: LabRecord) {
    const { place, hosts = [], controllerManager = false, allocateNodeRanges = false, scheduler = false, apiServerFlags = [] } = options;
    this.authority = options.authority ?? new Authority('lab-ca');
    const site = siteOf(record, this.authority, place?.address);
    const daemon = (name: string, command: readonly string[]) => new Daemon(name, command, join(record.folder, `${name}.log`), place?.host);
    commands.writeFiles(site, hosts);
    this.#options = options;
    this.#record = record;
    this.#etcd = daemon('etcd', commands.etcdCommand(site));
    this.#apiServer = daemon('kube-apiserver', [...commands.apiServerCommand(site), ...apiServerFlags]);
    this.#controllers = [
      ...(controllerManager ? [daemon('kube-controller-manager', commands.controllerManagerCommand(site, allocateNodeRanges))] : []),
      ...(scheduler ? [daemon('kube-scheduler', commands.schedulerCommand(site))] : []),
    ];
    this.address = site.address;
    this.url = `https://${commands.authorityOf(site.address, commands.API_PORT)}`;
    this.api = this.apiAs(ADMIN);
    this.kubeconfig = this.kubeconfigFor(ADMIN);
  }

  /** Where its files and logs are; vanishes with it. */
  get folder(): string {
    return this.#record.folder;
  }

  /** Process ids of what runs. */
  get pids(): readonly number[] {
    return [this.#etcd, this.#apiServer, ...this.#controllers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** PEM of the certificate authority, as a file. */
  get authorityFile(): string {
    return join(this.folder, 'pki', 'ca.crt');
  }

  /** Starts what does not run, and resolves when the API serves. */
  async start(): Promise<void> {
    await this.#openGate();
    this.#etcd.start();
    await this.startApiServer();
    for (const controller of this.#controllers) controller.start();
    if (this.#options.controllerManager) await this.api.until('/api/v1/namespaces/default/serviceaccounts/default', () => true);
  }

  /** Starts the API server alone, on the same port, and resolves when it serves. */
  async startApiServer(): Promise<void> {
    this.#apiServer.start();
    await this.#apiServer.until(async () => (await this.api.raw('GET', '/readyz')) === 'ok');
    await this.api.until('/api/v1/namespaces/default', () => true);
  }

  /** Ends the API server alone, which resolves when it has ended: SIGKILL as a crash, SIGTERM with GOAWAY and grace. */
  async stopApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#apiServer.kill(signal);
  }

  /** Kills etcd and the API server, and starts them again with the same data. */
  async restart(): Promise<void> {
    await Promise.all([this.#apiServer.kill(), this.#etcd.kill()]);
    await this.start();
  }

  /**
   * Makes etcd forget every version but the present one. The API server still answers for older ones from its own memory: restart it,
   * too, or start it with `--watch-cache=false`, and they are 410.
   */
  compact(): Promise<void> {
    return compactEtcd(this.#options.place ? { socketPath: this.#etcdSocket } : { host: this.address, port: commands.ETCD_PORT });
  }

  /** A client for another user, or with a token. */
  apiAs(who: Who): Api {
    const place = this.#options.place ? { socketPath: this.#apiSocket } : {};
    const connection: ApiConnection = { address: this.address, port: this.port, authority: this.authority.certificate, ...place };
    const credentials = this.#credentials(who);
    const token = 'tokenFile' in credentials ? { token: readFileSync(credentials.tokenFile, 'utf8') } : credentials;
    const api = new Api({ ...connection, ...token });
    this.#apis.push(api);
    return api;
  }

  /** Writes a kubeconfig and answers its path. */
  kubeconfigFor(who: Who): string {
    const file = join(this.folder, `${++this.#files}.kubeconfig`);
    const text = kubeconfig({ server: this.url, authority: this.authority.certificate, credentials: this.#credentials(who) });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** Writes what a pod finds in /var/run/secrets/kubernetes.io/serviceaccount (token, ca.crt, namespace) and answers the folder. */
  serviceAccountFolder(namespace: string, token: string): string {
    const folder = join(this.folder, `serviceaccount-${++this.#files}`);
    mkdirSync(folder);
    for (const [name, text] of Object.entries({ token, namespace, 'ca.crt': this.authority.certificate }))
      writeFileSync(join(folder, name), text);
    return folder;
  }

  /** Runs kubectl, as the administrator unless a kubeconfig is named, and answers what it prints. @throws CommandFailed */
  kubectl(args: readonly string[], input = '', file = this.kubeconfig): Promise<string> {
    return this.#tool('kubectl', args, input, file);
  }

  /** Runs helm as the administrator, and answers what it prints. @throws CommandFailed */
  helm(args: readonly string[]): Promise<string> {
    return this.#tool('helm', args, '', this.kubeconfig);
  }

  /** The requests that were answered until now and match, oldest first. */
  async audit(filter: AuditFilter = {}): Promise<readonly AuditedRequest[]> {
    const fence = `/version?fence=${randomBytes(6).toString('hex')}`;
    await this.api.get(fence);
    for (;;) {
      const requests = readAudit(commands.auditFile(this.folder));
      if (requests.some(({ uri }) => uri === fence)) return requests.filter((request) => request.uri !== fence && matches(request, filter));
      await sleep(FENCE_POLL_MS);
    }
  }

  /** The same, of requests that change something: create, update, patch, delete. */
  async writes(filter: AuditFilter = {}): Promise<readonly AuditedRequest[]> {
    return (await this.audit(filter)).filter(({ verb }) => WRITE_VERBS.includes(verb));
  }

  /** What a program has logged so far. */
  log(name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler'): string {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8');
  }

  /** Ends everything and removes the files. May be called again. */
  async stop(): Promise<void> {
    for (const api of this.#apis) api.close();
    this.#gate?.kill('SIGKILL');
    await Promise.all([...this.#controllers, this.#apiServer, this.#etcd].map((daemon) => daemon.kill()));
    await this.#gate?.ended;
    destroy(this.#record);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #tool(name: 'kubectl' | 'helm', args: readonly string[], input: string, file: string): Promise<string> {
    // They write caches into the home folder.
    const words = [`HOME=${this.folder}`, `KUBECONFIG=${file}`, program(name), ...args];
    const child = this.#options.place ? this.#options.place.host.spawn('env', ...words) : new Running('env', words);
    child.finishInput(input);
    const result = await child.ended;
    if (result.code !== 0) throw new CommandFailed(`${name} ${args.join(' ')}`, result);
    return result.stdout;
  }

  get #apiSocket(): string {
    return join(this.folder, 'api.sock');
  }

  get #etcdSocket(): string {
    return join(this.folder, 'etcd.sock');
  }

  #credentials(who: Who): Credentials {
    return 'name' in who ? this.authority.issue(who) : who;
  }

  /** The way for this process into another network namespace. */
  async #openGate(): Promise<void> {
    const { place } = this.#options;
    if (place === undefined || this.#gate?.isRunning) return;
    const tool = join(import.meta.dirname, 'tools', 'unix-gate.ts');
    const sockets = [this.#apiSocket, '127.0.0.1', `${commands.API_PORT}`, this.#etcdSocket, '127.0.0.1', `${commands.ETCD_PORT}`];
    this.#gate = place.host.spawn(process.execPath, tool, ...sockets);
    await this.#gate.printed(/listening/);
  }
}

/** On loopback every control plane has an address of its own, so that no two contend for a port. */
function siteOf({ id, folder }: LabRecord, authority: Authority, address: string | undefined): commands.Site {
  if (address !== undefined) return { folder, authority, address, inner: '127.0.0.1', bind: '::', advertise: address };
  const [a = 0, b = 0, c = 0] = Buffer.from(id, 'hex');
  const own = `127.${1 + (a % 254)}.${b}.${1 + (c % 254)}`;
  return { folder, authority, address: own, inner: own, bind: own, advertise: NOWHERE };
}
