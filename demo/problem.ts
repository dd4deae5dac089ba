import { httpGet } from '../tests/lab/traffic.ts';
import type { Story } from './story.ts';
import { HTTP_PORT, V4 } from './topology.ts';

const RPF = 'TcpExtIPReversePathFilter';
const PINGS = 5;

/** Without Fairlead: a call from the site is dropped by the node's kernel, and the node's own call leaves the wrong way. */
export async function brokenBefore({ screen, node, onprem }: Story): Promise<void> {
  screen.step('Broken before', 'Before: a host behind the VPN and the node do not reach each other');
  const back = (await node.ip(`route get fibmatch ${V4.onprem}`)).trim();
  screen.say(`The node's way to ${V4.onprem} is "${back}".`);

  const seen = await node.capture('eth1', `icmp and src ${V4.onprem}`);
  const counted = await node.counter(RPF);
  const ping = await screen.during('pinging the node from on-prem', onprem.ping(V4.node, { count: PINGS }));
  const dropped = (await node.counter(RPF)) - counted;
  const arrived = (await seen.stop()).length;
  screen.say(`${arrived} of ${ping.sent} pings from on-prem came in by eth1; the kernel's counter ${RPF} rose by ${dropped}.`);
  screen.check(
    'onprem → node: rp_filter drops all',
    `${ping.received} of ${ping.sent} answered, ${dropped} dropped`,
    ping.received === 0 && dropped === ping.sent,
  );

  const [publicSide, privateSide] = [
    await node.capture('eth0', `host ${V4.onprem}`),
    await node.capture('eth1', `tcp and host ${V4.onprem}`),
  ];
  const answer = await screen.during('calling on-prem from the node', httpGet(node, V4.onprem, HTTP_PORT, 1500));
  const [wrong, right] = [await publicSide.stop(), await privateSide.stop()];
  if (wrong[0] !== undefined) screen.show(`eth0: ${wrong[0].replace(/, seq.*/, '')}`);
  const outcome = 'error' in answer ? answer.error : `${answer.status}`;
  screen.check(
    'node → onprem: leaves by eth0',
    `packets: ${wrong.length} eth0, ${right.length} eth1; ${outcome}`,
    wrong.length > 0 && right.length === 0 && 'error' in answer,
  );
}

/** Pings in both directions, as checks of the present step. The filter must not drop any of them. */
export async function checkPings({ screen, node, onprem }: Story): Promise<void> {
  const counted = await node.counter(RPF);
  const toNode = await screen.during('pinging the node from on-prem', onprem.ping(V4.node, { count: PINGS }));
  const toSite = await screen.during('pinging on-prem from the node', node.ping(V4.onprem, { count: PINGS }));
  const dropped = (await node.counter(RPF)) - counted;
  const measured = `${toNode.received} of ${toNode.sent}, ${dropped} dropped`;
  screen.check('ping onprem → node works', measured, toNode.received === toNode.sent && dropped === 0);
  screen.check('ping node → onprem works', `${toSite.received} of ${toSite.sent}`, toSite.received === toSite.sent);
}
