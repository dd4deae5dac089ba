import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, agentOptions, type Report, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import type { Topology } from '../lab/topology.ts';

/** A node with a public and a private network. The gateways need not answer: these tests look at routes, not at packets. */
export const NODE: Topology = {
  hosts: {
    node: {
      sysctls: { 'net.ipv4.conf.all.rp_filter': 1 },
      routes: ['default via 203.0.113.1', '10.0.0.0/8 via 10.1.0.1', 'default via 2001:db8:113::1', 'fd00::/8 via fd00:1::1'],
    },
    far: {},
  },
  links: [
    {
      name: 'public',
      ends: { 'node:eth0': ['203.0.113.10/24', '2001:db8:113::10/64'], 'far:eth0': ['203.0.113.1/24', '2001:db8:113::1/64'] },
    },
    { name: 'private', ends: { 'node:eth1': ['10.1.0.10/24', 'fd00:1::10/64'], 'far:eth1': ['10.1.0.1/24', 'fd00:1::1/64'] } },
  ],
};

export const GATEWAY = { 4: '10.1.0.1', 6: 'fd00:1::1' } as const;
export const OTHER_GATEWAY = { 4: '10.1.0.2', 6: 'fd00:1::2' } as const;
export const METRIC = 4201;

/** A StaticRoute as text that is JSON and YAML. `spec` goes beside the subnets; without `via` the gateways above are used. */
export function staticRoute(name: string, subnets: readonly string[], spec: object = {}): string {
  const via = { gateways: [{ address: GATEWAY[4] }, { address: GATEWAY[6] }] };
  const object = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec: { subnets, via, ...spec } };
  return `${JSON.stringify(object)}\n`;
}

/** A v1/Node as text. */
export function nodeObject(name: string, labels: Readonly<Record<string, string>>, spec: object = {}): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec })}\n`;
}

/** Several documents of one file. */
export function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

interface SourceState {
  readonly complete?: boolean;
  readonly incompleteReason?: string;
  readonly resourcesAsOf?: string;
}

/** What a report says about where its resources come from. */
export function sourceState({ status }: Report): SourceState {
  return status as SourceState;
}

export function isComplete(report: Report): boolean {
  return sourceState(report).complete === true;
}

/** A condition: nothing is removed now, for a reason like this. */
export function incomplete(reason: RegExp): (report: Report) => boolean {
  const condition = (report: Report): boolean => !isComplete(report) && reason.test(sourceState(report).incompleteReason ?? '');
  condition.toString = () => `incomplete because ${reason}`;
  return condition;
}

/** A node with an agent and these manifests, all of them in force. */
export async function agentWith(lab: Lab, manifests: Readonly<Record<string, string>>): Promise<Agent> {
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  for (const [name, text] of Object.entries(manifests)) agent.write(name, text);
  const count = Object.values(manifests).flatMap((text) => text.match(/"kind":"StaticRoute"/g) ?? []).length;
  await agent.waitFor(({ status: { resources = [] } }) => resources.length === count && resources.every(({ ready }) => ready));
  return agent;
}

export function createNode(): Promise<Lab> {
  return Lab.create(NODE);
}

interface KernelRoute {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly table?: string;
  readonly nexthops?: readonly object[];
}

/** The routes of every table and both families, as `ip -j` describes them. */
async function allRoutes(host: Host): Promise<readonly KernelRoute[]> {
  const texts = await Promise.all(['-4', '-6'].map((family) => host.ip(`-j -d ${family} route show table all`)));
  return texts.flatMap((text) => JSON.parse(text) as KernelRoute[]);
}

/** Ours by their mark, sorted: `10.9.0.0/16 via 10.1.0.1 dev eth1 metric 4201`. Also `table X` when it is not the main one. */
export async function ownRoutes(host: Host): Promise<readonly string[]> {
  return (await allRoutes(host)).filter(isOurs).map(routeText).sort();
}

/** All that is not ours, each route whole. */
export async function foreignRoutes(host: Host): Promise<readonly string[]> {
  return (await allRoutes(host))
    .filter((route) => !isOurs(route))
    .map((route) => JSON.stringify(route))
    .sort();
}

/** Fairlead never makes a route of several next hops. */
function isOurs({ protocol, nexthops }: KernelRoute): boolean {
  return protocol === '201' && nexthops === undefined;
}

function routeText({ type, dst, gateway, dev, metric, table }: KernelRoute): string {
  const prefix = dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`;
  const way = type !== undefined && type !== 'unicast' ? [type] : [...(gateway ? [`via ${gateway}`] : []), `dev ${dev}`];
  return [prefix, ...way, `metric ${metric}`, ...(table === undefined || table === 'main' ? [] : [`table ${table}`])].join(' ');
}

/** What `ownRoutes` shows for subnets by the gateways above. */
export function wanted(
  subnets: readonly string[],
  gateways: typeof GATEWAY | typeof OTHER_GATEWAY = GATEWAY,
  metric = METRIC,
): readonly string[] {
  return subnets.map((subnet) => `${subnet} via ${gateways[subnet.includes(':') ? 6 : 4]} dev eth1 metric ${metric}`).sort();
}

/** The minute only bounds the wait of a run that has already failed; `describe` says then what there was instead. */
export async function until(satisfied: () => boolean | Promise<boolean>, describe: () => unknown = () => satisfied): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await satisfied())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${satisfied}\n${await describe()}`);
    await sleep(20);
  }
}

/** Waits until exactly these routes carry our mark. */
export async function untilRoutes(host: Host, expected: readonly string[]): Promise<void> {
  const wrong = async (): Promise<readonly string[]> => {
    const found = await ownRoutes(host);
    return [
      ...expected.filter((route) => !found.includes(route)).map((route) => `missing: ${route}`),
      ...found.filter((route) => !expected.includes(route)).map((route) => `left over: ${route}`),
    ];
  };
  await until(
    async () => (await wrong()).length === 0,
    async () => (await wrong()).join('\n'),
  );
}
