import { type Agent, type Report, type ReportedDrift, runFairlead } from '../tests/lab/agent.ts';
import { streamUdp } from '../tests/lab/traffic.ts';
import { CUT_OFF, ON_PREM, ON_PREM_MOVED } from './manifests.ts';
import { checkPings } from './problem.ts';
import { apply, checkHttp, difference, ownRoutes, routingState, type Story } from './story.ts';
import { ECHO_PORT, SITE, V4 } from './topology.ts';

/** The manifest is enough: both directions work. */
export async function fixed(story: Story): Promise<void> {
  const { screen, agent, node, onprem } = story;
  screen.step('One StaticRoute', 'A StaticRoute goes into the folder');
  apply(story, 'on-prem.yaml', ON_PREM);
  const report = await screen.during(
    'waiting for the report',
    agent.waitForResource('on-prem', ({ ready }) => ready),
  );
  const resource = agent.resource('on-prem', report);
  screen.say('$ ip route show proto 201');
  screen.show(await ownRoutes(node));
  screen.check(
    `gateway discovered: ${V4.gateway}`,
    `${resource?.reason}: ${resource?.gateway} ${resource?.device}`,
    resource?.gateway === V4.gateway,
  );
  await checkPings(story);
  await checkHttp(screen, node, onprem, V4.onprem);
  await checkHttp(screen, onprem, node, V4.node);
}

/** What an outsider does to our routes. The report is written for each, since each is another thing that happened. */
const TAMPERINGS = ['route flush proto 201', `route replace ${SITE[4]} via ${V4.vpn} proto 201 metric 4201`];

/** Somebody flushes and changes our routes while packets flow. */
export async function healed(story: Story): Promise<void> {
  const { screen, agent, node } = story;
  screen.step('Outsider flushes', 'An outsider flushes the routes while packets flow');
  const routes = await ownRoutes(node);
  const stream = await streamUdp(node, V4.onprem, ECHO_PORT);
  const restored: number[] = [];
  for (const [known, tampering] of TAMPERINGS.entries()) {
    await node.ip(tampering);
    screen.say(`$ ip ${tampering}`);
    const { event, object, restoredMicros } = await screen.during('waiting for the report', repair(agent, known));
    screen.say(`reported: ${event} ${object}, restored in ${restoredMicros} µs`);
    restored.push(restoredMicros ?? Number.NaN);
  }
  const same = (await ownRoutes(node)) === routes;
  const { sent, lost } = await screen.during('waiting for the last echoes', stream.stop());
  const after = await node.ping(V4.onprem);
  const flows = same && after.received === after.sent;
  screen.check('routes back by themselves', `restored in ${restored.join(', ')} µs`, flows);
  screen.check('packets flow on, one a millisecond', `${lost.length} of ${sent} lost`, flows && lost.length < sent / 2);
}

/** The newest entry, once there are more than are known. */
async function repair(agent: Agent, known: number): Promise<ReportedDrift> {
  const done = ({ status: { drift = [] } }: Report) => (drift.length > known ? drift[0] : undefined);
  const drift = done(await agent.waitFor((report) => done(report)?.restoredMicros !== undefined));
  if (drift === undefined) throw new Error('the report has no drift any more');
  return drift;
}

/** The edited manifest moves the traffic to another router under way. */
export async function moved(story: Story): Promise<void> {
  const { screen, agent, node, gateway } = story;
  screen.step('Gateway moves', 'The gateway moves while packets flow');
  const stream = await streamUdp(node, V4.onprem, ECHO_PORT);
  apply(story, 'on-prem.yaml', ON_PREM_MOVED);
  const moving = agent.waitForResource('on-prem', (resource) => resource.gateway === V4.vpn && resource.ready);
  await screen.during('waiting for the report', moving);
  const forwarded = await gateway.counter('IpForwDatagrams');
  await node.ping(V4.onprem, { count: 20 });
  const since = (await gateway.counter('IpForwDatagrams')) - forwarded;
  const { sent, lost } = await screen.during('waiting for the last echoes', stream.stop());
  screen.say('$ ip route show proto 201');
  screen.show(await ownRoutes(node));
  screen.check('no packet lost, one a millisecond', `${lost.length} of ${sent} lost`, lost.length === 0 && sent > 0);
  screen.check(`all by ${V4.vpn} from then on`, `${since} packets by ${V4.gateway}`, since === 0);
}

/** A route that would take away the node's own way out is not made. */
export async function refused(story: Story): Promise<void> {
  const { screen, agent, node, lab } = story;
  screen.step('Harmful manifest', 'A manifest that would cut the node off');
  const before = await routingState(node);
  apply(story, 'mistake.yaml', CUT_OFF);
  const report = await screen.during(
    'waiting for the report',
    agent.waitFor((report) => agent.resource('mistake', report) !== undefined),
  );
  const [mistake, onprem] = [agent.resource('mistake', report), agent.resource('on-prem', report)];
  const changed = difference(before, await routingState(node));
  screen.say(`${mistake?.reason}: ${mistake?.message}`);
  screen.check(
    'refused, with the reason',
    `${mistake?.reason}, ${changed.length} routes changed`,
    mistake?.ready === false && changed.length === 0,
  );
  const { sent, received } = await lab.host('internet').ping(V4.public);
  screen.check(
    'everything else works',
    `on-prem ${onprem?.reason}, internet ${received} of ${sent}`,
    onprem?.ready === true && received === sent,
  );
}

/** The agent goes, the routes stay; cleanup takes them away. */
export async function cleaned({ screen, agent, node, before }: Story): Promise<void> {
  screen.step('Clean up', 'The agent ends, and everything is cleaned up');
  const routes = await ownRoutes(node);
  const { code } = await screen.during('ending the agent', agent.kill('SIGTERM'));
  screen.check(
    'agent ends, routes stay',
    `exit ${code}, routes ${(await ownRoutes(node)) === routes ? 'the same' : 'changed'}`,
    code === 0 && (await ownRoutes(node)) === routes,
  );
  const cleanup = await screen.during('cleaning up', runFairlead(node, 'cleanup', agent.options));
  screen.say('$ fairlead cleanup');
  screen.show(cleanup.stdout + cleanup.stderr);
  const left = difference(before, await routingState(node));
  for (const line of left) screen.show(line);
  screen.check(
    'routes, rules, sysctls as before',
    `exit ${cleanup.code}, ${left.length} lines differ`,
    cleanup.code === 0 && left.length === 0,
  );
}
