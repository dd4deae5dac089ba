import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type AgentOptions, agentOptions, runFairlead, spawnAgent, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { ChangingManifests } from './changing-manifests.ts';
import { Random } from './random.ts';
import { RouteMonitor } from './route-monitor.ts';
import { createNode, foreignRoutes, ownRoutes, until, untilRoutes } from './support.ts';

/** Two nodes at a time, since an agent mostly waits for its disk and its start. */
const NODES = 2;
const KILLS_EACH = 100;
/** An agent is left in peace after so many kills, and must then make all as it should be. */
const CHECK_EVERY = 25;
/** Milliseconds; an agent takes some 250 to its first report. */
const LONGEST = { start: 200, change: 60 } as const;

/** Starts an agent, waits until all is as the manifests say, and kills it. */
async function settle(node: Host, options: AgentOptions, manifests: ChangingManifests): Promise<void> {
  const agent = await startAgent(node, options);
  await untilRoutes(node, manifests.routes);
  await until(
    async () => (await node.sysctl('net.ipv4.conf.eth1.rp_filter')) === manifests.rpFilter,
    () => agent.log,
  );
  await agent.kill('SIGKILL');
}

/** In half of the cases it has done its first round, in the others it may be anywhere before that. */
async function someAgent(node: Host, options: AgentOptions, random: Random): Promise<Agent> {
  if (random.oneIn(2)) return startAgent(node, options);
  const agent = spawnAgent(node, options);
  await sleep(random.below(LONGEST.start));
  return agent;
}

async function torture(node: Host, options: AgentOptions, random: Random): Promise<void> {
  const monitor = await RouteMonitor.start(node);
  const foreign = await foreignRoutes(node);
  const first = spawnAgent(node, options);
  const manifests = new ChangingManifests(first, random);
  await first.kill('SIGKILL');
  await settle(node, options, manifests);
  for (let kill = 1; kill <= KILLS_EACH; kill++) {
    const agent = await someAgent(node, options, random);
    manifests.change();
    await sleep(random.below(LONGEST.change));
    await agent.kill('SIGKILL');
    if (kill % CHECK_EVERY === 0) await settle(node, options, manifests);
  }
  const always = new Set(manifests.always);
  const deletions = await monitor.deletions();
  assert.ok(deletions.length > 0, 'nothing was ever removed, so this run proves little');
  assert.deepEqual(
    deletions.filter((prefix) => always.has(prefix)),
    [],
    'wanted all the time, and missing for a moment',
  );
  assert.deepEqual(await foreignRoutes(node), foreign);
}

async function killedAtRandom(seed: number): Promise<void> {
  await using lab = await createNode();
  const [node, options] = [lab.host('node'), agentOptions(lab)];
  await torture(node, options, new Random(seed));

  const cleanup = await runFairlead(node, 'cleanup', options);
  assert.equal(cleanup.code, 0, cleanup.stderr);
  assert.deepEqual(await ownRoutes(node), []);
  assert.equal(await node.sysctl('net.ipv4.conf.eth1.rp_filter'), '0');
  for (const folder of [options.state, options.status]) assert.ok(!existsSync(folder), `${folder} is left over`);
}

test(`SIGKILL at ${NODES * KILLS_EACH} random moments: afterwards no route is missing and none left over`, async (t) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed} repeats this run`);
  await Promise.all(Array.from({ length: NODES }, (_, i) => killedAtRandom(seed + i)));
});
