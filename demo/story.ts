import { type Agent, agentOptions, startAgent } from '../tests/lab/agent.ts';
import type { Host } from '../tests/lab/host.ts';
import { Lab } from '../tests/lab/lab.ts';
import { echoUdp, httpGet, serveHttp } from '../tests/lab/traffic.ts';
import type { Screen } from './screen.ts';
import { ECHO_PORT, HTTP_PORT, TOPOLOGY, V4 } from './topology.ts';

/** Everything that the steps work with. */
export interface Story {
  readonly screen: Screen;
  readonly lab: Lab;
  readonly node: Host;
  readonly onprem: Host;
  readonly gateway: Host;
  readonly agent: Agent;
  /** The node's routing state before anything of ours was there. */
  readonly before: string;
}

/** Builds the lab, its services, and an agent with an empty folder. */
export async function prepare(screen: Screen, lab: Lab): Promise<Story> {
  const [node, onprem, gateway] = [lab.host('node'), lab.host('onprem'), lab.host('gateway')];
  const before = await routingState(node);
  const services = [serveHttp(onprem, V4.onprem, HTTP_PORT), serveHttp(node, V4.node, HTTP_PORT), echoUdp(onprem, V4.onprem, ECHO_PORT)];
  await screen.during('starting the HTTP and echo services', Promise.all(services));
  const agent = await screen.during('starting fairlead agent', startAgent(node, agentOptions(lab)));
  return { screen, lab, node, onprem, gateway, agent, before };
}

export function createLab(screen: Screen): Promise<Lab> {
  return screen.during('building the network', Lab.create(TOPOLOGY));
}

/** Puts a manifest into the agent's folder and shows it. */
export function apply({ screen, agent }: Story, name: string, yaml: string): void {
  screen.say(`${agent.write(name, yaml)}:`);
  screen.show(yaml);
}

/** All that Fairlead may change: routes of every table, rules, rp_filter. One fact a line. */
export async function routingState(node: Host): Promise<string> {
  const commands = ['-4 route show table all', '-6 route show table all', '-4 rule', '-6 rule'].map((args) => node.ip(args));
  const rpFilter = node.check('sh', '-c', 'grep . /proc/sys/net/ipv4/conf/*/rp_filter');
  return (await Promise.all([...commands, rpFilter])).join('');
}

/** The lines that only one of two texts has, as `diff` marks them. */
export function difference(before: string, after: string): readonly string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !fresh.includes(line)).map((line) => `-${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+${line}`),
  ];
}

/** The node's routes with our mark, without trailing blanks. */
export async function ownRoutes(node: Host): Promise<string> {
  return (await node.ip('route show proto 201')).replaceAll(/ +$/gm, '').trim();
}

/** One HTTP request as a check of the present step. */
export async function checkHttp(screen: Screen, from: Host, to: Host, address: string): Promise<void> {
  const answer = await screen.during(`HTTP ${from.name} → ${to.name}`, httpGet(from, address, HTTP_PORT));
  const measured = 'error' in answer ? answer.error : `${answer.status} "${answer.body}"`;
  screen.check(`HTTP ${from.name} → ${to.name} works`, measured, 'status' in answer && answer.status === 200);
}
