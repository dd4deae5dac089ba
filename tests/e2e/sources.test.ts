import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type AgentOptions, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import { RouteMonitor } from './route-monitor.ts';
import { agentWith, createNode, incomplete, isComplete, ownRoutes, sourceState, staticRoute, untilRoutes, wanted } from './support.ts';

const A = ['172.20.0.0/16', '2001:db8:20::/48'];
const B = ['172.21.0.0/16', '2001:db8:21::/48'];
const MANIFESTS = { 'a.yaml': staticRoute('a', A), 'b.yaml': staticRoute('b', B) };
const BROKEN = 'kind: [\n';

describe('the manifests folder of a live agent', () => {
  test('disappears and comes back: nothing is removed, and what others delete is healed meanwhile', async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, MANIFESTS);
    const monitor = await RouteMonitor.start(node);
    const { manifests } = agent.options;
    renameSync(manifests, `${manifests}-away`);
    await agent.waitFor(incomplete(/does not exist.*put it back/));
    assert.deepEqual(await monitor.ownEvents(), []);
    await node.ip('route del 172.20.0.0/16');
    await untilRoutes(node, wanted([...A, ...B]));
    renameSync(`${manifests}-away`, manifests);
    await agent.waitFor(isComplete);
    await untilRoutes(node, wanted([...A, ...B]));
    assert.deepEqual(await monitor.deletions(), ['172.20.0.0/16'], 'only what was deleted from outside');
  });

  test('loses its files one after the other: their routes go, also those of the last one', async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, MANIFESTS);
    agent.remove('a.yaml');
    await untilRoutes(node, wanted(B));
    agent.remove('b.yaml');
    await untilRoutes(node, []);
    const { status } = await agent.waitFor((report) => isComplete(report) && report.status.resources?.length === 0);
    assert.deepEqual(status.problems, []);
  });

  test('is replaced by another one: what both have stays, the rest goes once that one was read whole', async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, MANIFESTS);
    const monitor = await RouteMonitor.start(node);
    const { manifests } = agent.options;
    mkdirSync(`${manifests}-new`);
    writeFileSync(join(`${manifests}-new`, 'a.yaml'), MANIFESTS['a.yaml']);
    writeFileSync(join(`${manifests}-new`, 'broken.yaml'), BROKEN);
    renameSync(manifests, `${manifests}-old`);
    renameSync(`${manifests}-new`, manifests);
    await agent.waitFor(incomplete(/broken\.yaml could not be read/));
    assert.deepEqual(await monitor.ownEvents(), []);
    agent.remove('broken.yaml');
    await untilRoutes(node, wanted(A));
    assert.deepEqual(new Set(await monitor.deletions()), new Set(B));
  });
});

/** Runs an agent with both manifests, and ends it; then all its routes are flushed, as by a reboot. */
async function rebooted(lab: Lab): Promise<{ readonly node: Host; readonly options: AgentOptions }> {
  const node = lab.host('node');
  const agent = await agentWith(lab, MANIFESTS);
  await agent.kill('SIGTERM');
  for (const family of ['-4', '-6']) await node.ip(`${family} route flush proto 201`);
  assert.deepEqual(await ownRoutes(node), []);
  return { node, options: agent.options };
}

describe('an agent that starts after a reboot', () => {
  const FOLDERS: Readonly<Record<string, readonly [change: (folder: string) => void, reason: RegExp]>> = {
    'without its folder': [(folder) => rmSync(folder, { recursive: true }), /does not exist/],
    'with an empty folder': [
      (folder) => {
        for (const name of Object.keys(MANIFESTS)) rmSync(join(folder, name));
      },
      /holds no \.yaml/,
    ],
    'with a file in place of its folder': [
      (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      },
      /is not a folder/,
    ],
    'with a half-broken folder that lacks a file': [
      (folder) => {
        rmSync(join(folder, 'a.yaml'));
        writeFileSync(join(folder, 'other.yaml'), BROKEN);
      },
      /other\.yaml could not be read/,
    ],
  };
  for (const [title, [change, reason]] of Object.entries(FOLDERS)) {
    test(`${title} brings the last good routes back, and says how old they are`, async () => {
      await using lab = await createNode();
      const { node, options } = await rebooted(lab);
      change(options.manifests);
      const started = Date.now();
      const agent = await startAgent(node, options);
      await untilRoutes(node, wanted([...A, ...B]));
      const report = await agent.waitFor(incomplete(reason));
      assert.equal(report.status.resources?.length, 2);
      assert.ok(Date.parse(sourceState(report).resourcesAsOf ?? '') < started);
    });
  }

  test('with a file that broke meanwhile keeps its last good version', async () => {
    await using lab = await createNode();
    const { node, options } = await rebooted(lab);
    writeFileSync(join(options.manifests, 'a.yaml'), BROKEN);
    const agent = await startAgent(node, options);
    await untilRoutes(node, wanted([...A, ...B]));
    const { status } = await agent.waitFor(isComplete);
    assert.match(status.problems?.[0]?.message ?? '', /last good version from .* stays/);
    rmSync(join(options.manifests, 'a.yaml'));
    await untilRoutes(node, wanted(B));
  });
});

describe('an agent whose state folder was lost', () => {
  test('removes nothing while it does not know everything', async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const first = await agentWith(lab, MANIFESTS);
    await first.kill('SIGKILL');
    rmSync(first.options.state, { recursive: true });
    writeFileSync(join(first.options.manifests, 'a.yaml'), BROKEN);
    const monitor = await RouteMonitor.start(node);
    const agent = await startAgent(node, first.options);
    await agent.waitFor(incomplete(/a\.yaml could not be read and has no last good version/));
    assert.deepEqual(await monitor.ownEvents(), []);
    agent.write('a.yaml', staticRoute('a', [A[0] ?? '']));
    await untilRoutes(node, wanted([A[0] ?? '', ...B]));
    assert.deepEqual(await monitor.deletions(), [A[1]]);
  });
});
