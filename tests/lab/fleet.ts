import { sign } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOPOLOGY } from '../../demo/topology.ts';
import { SERVICE_ACCOUNT } from '../../src/cluster/kubernetes/in-cluster.ts';
import { installManifest } from '../../tools/install-manifest.ts';
import { FAIRLEAD } from './agent.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import type { Host } from './host.ts';
import { createNode, createPod, createToken } from './kubernetes/objects.ts';
import { Lab } from './lab.ts';
import type { Result, Running } from './process.ts';
import { addressOf, endsOf, type LinkSpec, type Topology } from './topology.ts';

/** Where Fairlead is installed. */
export const NAMESPACE = 'fairlead-system';
/** So long after its end a token is still taken, since clocks differ (go-jose, DefaultLeeway). */
const LEEWAY_SECONDS = 60;
/** Shell: runs a command with the environment and the service account ($0) of a pod. `ip netns exec` gives each process its own mounts. */
const AS_POD = `mount --bind "$0" ${SERVICE_ACCOUNT} && exec env "$@"`;
/** Where the API server runs, on the private network. */
const API_HOST = 'api';

export interface FleetOptions {
  /** They are called n1, n2 and so on. Default 3. */
  readonly nodes?: number;
  /** The first runs on n1, the second on n2. Default 2. */
  readonly controllers?: number;
  /** Default: definitions, rights and admission policy are there, and every agent runs. Else `install` and `start` do that. */
  readonly idle?: boolean;
  readonly apiServerFlags?: ControlPlaneOptions['apiServerFlags'];
}

/**
 * A cluster whose nodes are network namespaces: the site of the demo with so many nodes instead of one, an API server on their private
 * network, and on each node an agent with the token of a pod on that node.
 */
export async function startFleet({ nodes = 3, controllers = 2, idle = false, apiServerFlags = [] }: FleetOptions = {}): Promise<Fleet> {
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
  const topology = fleetTopology(names);
  mkdirSync(SERVICE_ACCOUNT, { recursive: true });
  const lab = await Lab.create(topology);
  try {
    const place = { host: lab.host(API_HOST), address: addressOf(topology, API_HOST, 'eth0') };
    const plane = await startControlPlane({ place, apiServerFlags });
    const fleet = new Fleet(lab, plane, topology, names, controllers);
    await fleet.createNodes();
    if (idle) return fleet;
    await fleet.install();
    await fleet.start();
    return fleet;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

export class Fleet implements AsyncDisposable {
  readonly lab: Lab;
  readonly plane: ControlPlane;
  readonly nodes: readonly FleetNode[];
  readonly controllers: readonly Member[];

  constructor(lab: Lab, plane: ControlPlane, topology: Topology, names: readonly string[], controllers: number) {
    this.lab = lab;
    this.plane = plane;
    this.nodes = names.map((name) => new FleetNode(lab, plane, name, nodeAddresses(topology, name)));
    this.controllers = this.nodes
      .slice(0, controllers)
      .map(({ name, host }) => new Member(plane, { role: 'controller', node: name, host, folder: join(lab.folder, `controller-${name}`) }));
  }

  node(name: string): FleetNode {
    const node = this.nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`fleet: no node ${name}`);
    return node;
  }

  async createNodes(): Promise<void> {
    for (const [i, { name, addresses }] of this.nodes.entries())
      await createNode(this.plane.api, name, { addresses, podCIDRs: [`10.244.${i + 1}.0/24`, `fd00:244:0:${i + 1}::/64`] });
  }

  /** What the chart installs; its pods are played by this fleet. */
  async install(): Promise<void> {
    await this.installRights();
    await this.installDefinitions();
  }

  /** Everything but the definitions. */
  async installRights(): Promise<void> {
    const documents = installManifest().split(/^---$/m);
    const rights = documents.filter((text) => !/^kind: CustomResourceDefinition$/m.test(text));
    await this.plane.kubectl(['apply', '--server-side', '-f', '-'], rights.join('---\n'));
  }

  /** Also makes them again what they should be. */
  async installDefinitions(): Promise<void> {
    await this.plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', 'deploy/crds']);
    await this.plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  }

  /** Starts every agent and controller. */
  async start(): Promise<void> {
    await Promise.all([...this.nodes.map(({ agent }) => agent), ...this.controllers].map((member) => member.start()));
  }

  /** What agents and controllers have said so far, for a failed test. */
  get log(): string {
    return [...this.nodes.map(({ agent }) => agent), ...this.controllers].map(({ name, log }) => `--- ${name}\n${log}`).join('\n');
  }

  async close(): Promise<void> {
    await this.plane.stop();
    await this.lab.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export class FleetNode {
  readonly name: string;
  readonly host: Host;
  /** One of each family, on the private network. */
  readonly addresses: readonly string[];
  readonly agent: Member;

  constructor(lab: Lab, plane: ControlPlane, name: string, addresses: readonly string[]) {
    this.name = name;
    this.host = lab.host(name);
    this.addresses = addresses;
    this.agent = new Member(plane, { role: 'agent', node: name, host: this.host, folder: join(lab.folder, `agent-${name}`) });
  }

  /** What a boot leaves of ours in the kernel: nothing. The agent must not run. */
  async forgetRoutes(): Promise<void> {
    for (const family of ['-4', '-6']) await this.host.ip(`${family} route flush table all proto 201`);
  }
}

interface Role {
  readonly role: 'agent' | 'controller';
  readonly node: string;
  readonly host: Host;
  /** Of its service account and its state. */
  readonly folder: string;
}

/** The place of one pod: its token, and the process that runs in it now. */
export class Member {
  readonly #plane: ControlPlane;
  readonly #role: Role;
  readonly #runs: Running[] = [];
  /** The API server that it is sent to. */
  #server: URL;

  constructor(plane: ControlPlane, role: Role) {
    this.#plane = plane;
    this.#role = role;
    this.#server = new URL(plane.url);
    mkdirSync(join(role.folder, 'state'), { recursive: true });
    mkdirSync(this.serviceAccount);
    writeFileSync(join(this.serviceAccount, 'ca.crt'), plane.authority.certificate);
    writeFileSync(join(this.serviceAccount, 'namespace'), NAMESPACE);
  }

  /** `fairlead-agent-n1`, which is also the name of its pod. */
  get name(): string {
    return `${this.account}-${this.#role.node}`;
  }

  /** Its service account. */
  get account(): string {
    return `fairlead-${this.#role.role}`;
  }

  /** As the API server knows it. */
  get user(): string {
    return `system:serviceaccount:${NAMESPACE}:${this.account}`;
  }

  get pid(): number {
    return this.run.pid;
  }

  get isRunning(): boolean {
    return this.#runs.at(-1)?.isRunning ?? false;
  }

  /** Of this run and those before. */
  get log(): string {
    return this.#runs.map(({ stdout, stderr }) => stdout + stderr).join('');
  }

  /** Of this run. */
  get words(): string {
    const { stdout, stderr } = this.run;
    return stdout + stderr;
  }

  /** Starts it, and its pod when it has none yet. Resolves when it is at work, which need not be with the API server. */
  async start(): Promise<void> {
    if (this.#runs.length === 0) await this.renewPod();
    await this.spawn().printed(this.#role.role === 'agent' ? /is the agent of node/ : /is a controller of/);
  }

  /** The same without waiting, for example because another one holds the node. */
  spawn(environment: readonly string[] = []): Running {
    const { role, node, host, folder } = this.#role;
    const own = role === 'agent' ? ['--node', node, '--state', join(folder, 'state')] : [];
    const run = host.spawn('sh', '-c', AS_POD, this.serviceAccount, ...this.#environment, ...environment, FAIRLEAD, role, ...own);
    this.#runs.push(run);
    return run;
  }

  get #environment(): readonly string[] {
    const { hostname, port } = this.#server;
    return [`KUBERNETES_SERVICE_HOST=${hostname.replace(/^\[|\]$/g, '')}`, `KUBERNETES_SERVICE_PORT=${port}`];
  }

  /** A new pod on the same node, with a token of its own in the place of the old one. */
  async renewPod(): Promise<void> {
    await this.deletePod();
    await createPod(this.#plane.api, { namespace: NAMESPACE, name: this.name, node: this.#role.node, serviceAccount: this.account });
    await this.renewToken();
    this.connect(this.#plane.url);
  }

  /** Its token is void from then on. */
  async deletePod(): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${this.name}`;
    await this.#plane.api.delete(path, { gracePeriodSeconds: 0 }).catch((error: unknown) => {
      if ((error as { code?: number }).code !== 404) throw error;
    });
  }

  /** Puts another token of the same pod into the file, as the kubelet does: in one step. */
  async renewToken(): Promise<void> {
    this.#putToken(await createToken(this.#plane.api, { namespace: NAMESPACE, serviceAccount: this.account, pod: this.name }));
  }

  /** The same with one that is refused from the answered time on. The API server itself gives none for less than ten minutes. */
  async useShortToken(seconds: number): Promise<Date> {
    const token = await createToken(this.#plane.api, { namespace: NAMESPACE, serviceAccount: this.account, pod: this.name });
    const expiry = Math.ceil(Date.now() / 1000) + seconds;
    this.#putToken(reissued(token, expiry - LEEWAY_SECONDS, readFileSync(join(this.#plane.folder, 'pki', 'service-account.key'), 'utf8')));
    return new Date(expiry * 1000);
  }

  #putToken(token: string): void {
    const file = join(this.serviceAccount, 'token');
    writeFileSync(`${file}.new`, token, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** Sends it to a server at this URL; counts for the next start. */
  connect(server: string): void {
    this.#server = new URL(server);
  }

  /** What a pod finds in /var/run/secrets/kubernetes.io/serviceaccount. */
  get serviceAccount(): string {
    return join(this.#role.folder, 'serviceaccount');
  }

  /** Sends a signal and waits until it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Result> {
    const run = this.run;
    run.kill(signal);
    return run.ended;
  }

  /** Empties its state folder. It must not run. */
  forget(): void {
    const folder = join(this.#role.folder, 'state');
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.run.kill(signal);
  }

  /** The process that was started last. */
  get run(): Running {
    const run = this.#runs.at(-1);
    if (run === undefined) throw new Error(`${this.name} has not been started`);
    return run;
  }
}

/** The same JSON Web Token (RFC 7519) with another end, in seconds since 1970, signed by the same key. */
function reissued(token: string, exp: number, key: string): string {
  const [head = '', body = ''] = token.split('.');
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()), exp };
  const signed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** The site of the demo, with several nodes in the place of its one, and the API server beside them. */
function fleetTopology(names: readonly string[]): Topology {
  const { node = {}, ...site } = TOPOLOGY.hosts;
  const hosts = { ...site, ...Object.fromEntries(names.map((name) => [name, node])), [API_HOST]: {} };
  return { hosts, links: TOPOLOGY.links.map((link) => widened(link, names)) };
}

/** Node n1 has the addresses .11 and ::11 where the node of the demo has .10 and ::10; the API server .100 and ::100. */
function widened(link: LinkSpec, names: readonly string[]): LinkSpec {
  const ends = endsOf(link).flatMap(({ host, device, addresses }) => {
    if (host !== 'node') return [[`${host}:${device}`, addresses] as const];
    const own = names.map((name, i) => [`${name}:${device}`, renumbered(addresses, `${11 + i}`)] as const);
    return link.name === 'private' ? [...own, [`${API_HOST}:eth0`, renumbered(addresses, '100')] as const] : own;
  });
  return { ...link, ends: Object.fromEntries(ends) };
}

function renumbered(addresses: readonly string[], last: string): readonly string[] {
  return addresses.map((address) => address.replace(/([.:])10\//, `$1${last}/`));
}

function nodeAddresses(topology: Topology, name: string): readonly string[] {
  return ([4, 6] as const).map((family) => addressOf(topology, name, 'eth1', family));
}
