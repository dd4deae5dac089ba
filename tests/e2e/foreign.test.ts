import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Agent, agentOptions, type Report, runFairlead, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { CLASHES, type Clash, command, FAMILIES, type Family, subnetOf } from './clashes.ts';
import {
  agentWith,
  createNode,
  foreignRoutes,
  GATEWAY,
  METRIC,
  OTHER_GATEWAY,
  ownRoutes,
  staticRoute,
  until,
  untilRoutes,
  wanted,
} from './support.ts';

type Meeting = { readonly clash: Clash; readonly family: Family };

const ALL: readonly Meeting[] = CLASHES.flatMap((clash) => FAMILIES.map((family) => ({ clash, family })));

/** IPv6 joins routes of one identity to one route of several next hops; IPv4 keeps them apart. */
function isJoining({ clash, family }: Meeting): boolean {
  return family === 6 && (clash.verb === 'append' || clash.verb === 'prepend');
}

function isConflict({ clash }: Meeting): boolean {
  return clash.reason === 'Conflict';
}

/** It came beside ours, which is still there. */
function isBeside({ clash }: Meeting): boolean {
  return clash.verb === 'append' || clash.verb === 'prepend';
}

function nameOf({ clash, family }: Meeting): string {
  return `${clash.name}-${family}`;
}

function routesOf(meetings: readonly Meeting[]): readonly string[] {
  return wanted(meetings.map(({ clash, family }) => subnetOf(clash, family)));
}

async function onEach(node: Host, meetings: readonly Meeting[], verb: (clash: Clash) => string): Promise<void> {
  for (const { clash, family } of meetings) await node.ip(command(verb(clash), clash, family));
}

function isReported(meeting: Meeting, { status }: Report): boolean {
  const { clash, family } = meeting;
  const resource = status.resources?.find(({ name }) => name === nameOf(meeting));
  if (clash.reason === undefined) return resource?.ready === true;
  return resource?.reason === clash.reason && resource.message.includes(subnetOf(clash, family));
}

/** Every resource says what it should about the foreign route, ours are those that are left, and no foreign route has changed. */
async function assertLeftAlone(
  agent: Agent,
  node: Host,
  met: readonly Meeting[],
  foreign: readonly string[],
  ours = met.filter((meeting) => !isConflict(meeting)),
): Promise<void> {
  await agent.waitFor((report) => met.every((meeting) => isReported(meeting, report)));
  await untilRoutes(node, routesOf(ours));
  assert.deepEqual(await foreignRoutes(node), foreign);
}

/** The foreign routes that stand in our way go; ours take their places. */
async function assertTakesOver(agent: Agent, node: Host, met: readonly Meeting[]): Promise<void> {
  await onEach(node, met.filter(isConflict), () => 'del');
  await untilRoutes(node, routesOf(met));
  const names = met.filter(isConflict).map(nameOf);
  await agent.waitFor(({ status }) => names.every((name) => status.resources?.find((resource) => resource.name === name)?.ready));
}

async function assertCleanedUp(agent: Agent, node: Host, foreign: readonly string[]): Promise<void> {
  await agent.kill('SIGTERM');
  const { code, stderr } = await runFairlead(node, 'cleanup', agent.options);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await ownRoutes(node), []);
  assert.deepEqual(await foreignRoutes(node), foreign);
}

function writeAll(agent: Agent, meetings: readonly Meeting[]): void {
  for (const meeting of meetings) {
    const name = nameOf(meeting);
    agent.write(`${name}.yaml`, staticRoute(name, [subnetOf(meeting.clash, meeting.family)]));
  }
}

test('foreign routes that are there before ours stay as they are, and ours wait for their place', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  await onEach(node, ALL, () => 'add');
  const foreign = await foreignRoutes(node);
  const agent = await startAgent(node, agentOptions(lab));
  writeAll(agent, ALL);
  await assertLeftAlone(agent, node, ALL, foreign);
  await assertTakesOver(agent, node, ALL);
  const rest = await foreignRoutes(node);
  assert.equal(rest.length, foreign.length - ALL.filter(isConflict).length);
  await assertCleanedUp(agent, node, rest);
});

test('foreign routes that come after ours stay as they are; ours stay beside them, unless they were replaced', async () => {
  const met = ALL.filter((meeting) => !isJoining(meeting));
  await using lab = await createNode();
  const node = lab.host('node');
  await onEach(node, met, () => 'add');
  const foreign = await foreignRoutes(node);
  await onEach(node, met, () => 'del');
  const agent = await startAgent(node, agentOptions(lab));
  writeAll(agent, met);
  await untilRoutes(node, routesOf(met));

  await onEach(node, met, ({ verb }) => verb ?? 'add');
  const ours = met.filter((meeting) => !isConflict(meeting) || isBeside(meeting));
  await assertLeftAlone(agent, node, met, foreign, ours);
  await agent.kill('SIGTERM');
  const successor = await startAgent(node, agent.options);
  await assertLeftAlone(successor, node, met, foreign, ours);
  await assertTakesOver(successor, node, met);
  await onEach(node, met.filter(isConflict), ({ verb }) => verb ?? 'add');
  await assertLeftAlone(successor, node, met, foreign, ours);
  await assertCleanedUp(successor, node, foreign);
});

test('a foreign route that is appended to ours moves no packet', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await agentWith(lab, { 'a.yaml': staticRoute('a', ['172.20.0.0/16']) });
  const way = (): Promise<string> => node.ip('route get 172.20.0.1');
  const before = await way();
  await node.ip(`route append 172.20.0.0/16 via ${OTHER_GATEWAY[4]} metric ${METRIC}`);
  await agent.waitForResource('a', ({ reason }) => reason === 'Conflict');
  assert.equal(await way(), before);
  assert.match(before, new RegExp(`via ${GATEWAY[4]} `));
});

test('a foreign IPv6 next hop that joins our route stays as it is, and so does ours; ours leaves with its resource', async () => {
  const met = ALL.filter(isJoining);
  await using lab = await createNode();
  const node = lab.host('node');
  await onEach(node, met, () => 'add');
  const foreign = await foreignRoutes(node);
  await onEach(node, met, () => 'del');
  const agent = await startAgent(node, agentOptions(lab));
  writeAll(agent, met);
  agent.write('stays.yaml', staticRoute('stays', ['172.20.0.0/16']));
  await untilRoutes(node, [...routesOf(met), ...wanted(['172.20.0.0/16'])]);
  await onEach(node, met, ({ verb }) => verb ?? 'add');
  await agent.waitFor((report) => met.every((meeting) => isReported(meeting, report)));
  for (const { clash, family } of met)
    assert.deepEqual(await gatewaysTo(node, subnetOf(clash, family)), [GATEWAY[6], OTHER_GATEWAY[6]], clash.name);

  await agent.kill('SIGKILL');
  const successor = await startAgent(node, agent.options);
  await successor.waitFor((report) => met.every((meeting) => isReported(meeting, report)));
  for (const meeting of met) successor.remove(`${nameOf(meeting)}.yaml`);
  await until(async () => isDeepStrictEqual(await foreignRoutes(node), foreign));
  await assertCleanedUp(successor, node, foreign);
});

/** Of the next hops of an IPv6 route, sorted. */
async function gatewaysTo(node: Host, prefix: string): Promise<readonly (string | undefined)[]> {
  const routes = JSON.parse(await node.ip(`-6 -j route show ${prefix}`)) as readonly {
    readonly gateway?: string;
    readonly nexthops?: readonly { readonly gateway?: string }[];
  }[];
  return routes.flatMap(({ gateway, nexthops }) => nexthops?.map((hop) => hop.gateway) ?? [gateway]).sort();
}
