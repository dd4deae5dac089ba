import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Agent, agentOptions, type Report, runFairlead, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { CLASHES, type Clash, command, FAMILIES, type Family, subnetOf } from './clashes.ts';
import { createNode, foreignRoutes, ownRoutes, staticRoute, untilRoutes, wanted } from './support.ts';

type Meeting = { readonly clash: Clash; readonly family: Family };

const ALL: readonly Meeting[] = CLASHES.flatMap((clash) => FAMILIES.map((family) => ({ clash, family })));

/** IPv6 joins routes of one identity to one route of several next hops; IPv4 keeps them apart. */
function isJoining({ clash, family }: Meeting): boolean {
  return family === 6 && (clash.verb === 'append' || clash.verb === 'prepend');
}

function isConflict({ clash }: Meeting): boolean {
  return clash.reason === 'Conflict';
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

/** Every resource says what it should about the foreign route, ours made room, and no foreign route has changed. */
async function assertLeftAlone(agent: Agent, node: Host, met: readonly Meeting[], foreign: readonly string[]): Promise<void> {
  await untilRoutes(node, routesOf(met.filter((meeting) => !isConflict(meeting))));
  await agent.waitFor((report) => met.every((meeting) => isReported(meeting, report)));
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

async function meetAfter(met: readonly Meeting[]): Promise<void> {
  await using lab = await createNode();
  const node = lab.host('node');
  await onEach(node, met, () => 'add');
  const foreign = await foreignRoutes(node);
  await onEach(node, met, () => 'del');
  const agent = await startAgent(node, agentOptions(lab));
  writeAll(agent, met);
  await untilRoutes(node, routesOf(met));

  await onEach(node, met, ({ verb }) => verb ?? 'add');
  await assertLeftAlone(agent, node, met, foreign);
  await assertTakesOver(agent, node, met);
  await onEach(node, met.filter(isConflict), ({ verb }) => verb ?? 'add');
  await assertLeftAlone(agent, node, met, foreign);
  await assertCleanedUp(agent, node, foreign);
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

test('foreign routes that come after ours stay as they are, and ours make room', () => {
  return meetAfter(ALL.filter((meeting) => !isJoining(meeting)));
});

test('a foreign IPv6 next hop that joins our route stays as it is, and ours leaves it', () => {
  return meetAfter(ALL.filter(isJoining));
});
