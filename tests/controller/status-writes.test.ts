import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../src/cluster/api-client.ts';
import type { FakeCall } from '../../src/cluster/fake-api.ts';
import { STATIC_ROUTES } from '../../src/controller/static-routes.ts';
import { scenario } from './stage.ts';

describe('the status of a StaticRoute', () => {
  it(
    'is written once when every node answers at once, and not again while nothing changes',
    scenario(3, async (stage) => {
      const { api, controller } = stage.start();
      await stage.advance(5_000);
      const process = stage.processes[0];
      stage.putRoute('r');
      await stage.advance(100);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
      assert.equal(process?.writesOf('r'), 1);
      await stage.advance(1_200_000);
      assert.equal(process?.writesOf('r'), 1);
      assert.equal(controller.leads, true);
      assert.equal(api.writes.get('delete nodereports'), undefined);
    }),
  );

  it(
    'waits a second for the slow ones, and says then who is missing',
    scenario(3, async (stage) => {
      const process = stage.start();
      await stage.advance(5_000);
      const slow = stage.agents.get('n2');
      assert.ok(slow);
      slow.dead = true;
      stage.putRoute('r');
      await stage.advance(1_900);
      assert.equal(process.writesOf('r'), 0);
      await stage.advance(200);
      assert.equal(stage.summary('r'), 'Ready=False Pending 2/3');
      assert.match(stage.text('r'), /Pending on n2/);
      slow.dead = false;
      slow.look();
      await stage.advance(1_500);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
      assert.equal(process.writesOf('r'), 2);
    }),
  );

  it(
    'follows a failure at once, but not more often than once a second',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      const before = process.writesOf('r');
      const agent = stage.agents.get('n3');
      agent?.failures.set('r', { reason: 'DeviceDown', message: 'eth1 is down' });
      agent?.look();
      await stage.advance(50);
      assert.equal(stage.summary('r'), 'Ready=False DeviceDown 2/3');
      assert.equal(process.writesOf('r'), before + 1);
      for (let i = 0; i < 100; i++) {
        if (i % 2) agent?.failures.set('r', { reason: 'DeviceDown', message: `eth1 is down ${i}` });
        else agent?.failures.delete('r');
        agent?.look();
        await stage.advance(100);
      }
      assert.ok(process.writesOf('r') <= before + 12, `${process.writesOf('r')}`);
    }),
  );

  it(
    'is of the generation that was asked for last',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      assert.equal(process.writesOf('r'), 1);
      stage.putRoute('r', { metric: 77 });
      await stage.advance(100);
      assert.equal(stage.status('r')?.observedGeneration, 2);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
      assert.equal(process.writesOf('r'), 2);
    }),
  );

  it(
    'is restored when somebody deletes or edits it',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      const good = stage.text('r');
      stage.putStatus('r', undefined);
      await stage.advance(50);
      assert.match(stage.text('r'), /3 selected, 3 ready/);
      await stage.advance(5_000);
      const status = stage.status('r');
      stage.putStatus('r', { ...status, nodes: { selected: 9, ready: 9, failed: 0 } });
      await stage.advance(50);
      assert.equal(stage.text('r').replace(/since \S+/g, ''), good.replace(/since \S+/g, ''));
      assert.equal(process.writesOf('r'), 3);
    }),
  );

  it(
    'follows the labels of nodes',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r', { nodeSelector: { matchLabels: { zone: 'a' } } });
      await stage.advance(5_000);
      assert.equal(stage.summary('r'), 'Ready=False NoNodesSelected 0/0');
      stage.putNode('n2', { labels: { zone: 'a' } });
      await stage.advance(5_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 1/1');
      stage.putNode('n2', {});
      await stage.advance(5_000);
      assert.equal(stage.summary('r'), 'Ready=False NoNodesSelected 0/0');
      assert.equal(process.writesOf('r'), 3);
    }),
  );

  it(
    'counts a silent agent and a dead node as failed, and forgives both',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      const agent = stage.agents.get('n1');
      assert.ok(agent);
      agent.dead = true;
      await stage.advance(290_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
      await stage.advance(30_000);
      assert.equal(stage.summary('r'), 'Ready=False AgentSilent 2/3');
      assert.match(
        stage.text('r'),
        /the agent on n1 has reported nothing since 2027-01-01T00:00:00.010Z: see its pod: kubectl -n fairlead get pods/,
      );
      const writes = process.writesOf('r');
      await stage.advance(1_200_000);
      assert.equal(process.writesOf('r'), writes, 'silence that goes on is no news');
      agent.dead = false;
      agent.look();
      await stage.advance(2_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
      stage.putNode('n2', { ready: 'Unknown' });
      await stage.advance(2_000);
      assert.equal(stage.summary('r'), 'Ready=False AgentSilent 2/3');
      stage.putNode('n2', {});
      await stage.advance(2_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'knows at its start who has been silent for long, and is fooled by no wrong clock for long',
    scenario(2, async (stage) => {
      stage.putRoute('r');
      await stage.advance(1_000);
      const dead = stage.agents.get('n1');
      assert.ok(dead);
      dead.dead = true;
      await stage.advance(400_000);
      stage.start();
      await stage.advance(5_000);
      assert.equal(stage.summary('r'), 'Ready=False AgentSilent 1/2');
      const [process] = stage.processes;
      await process?.controller.close();
      const wrong = stage.start('b');
      wrong.clock.skew = 86_400_000;
      await stage.advance(5_000);
      assert.equal(stage.summary('r'), 'Ready=False AgentSilent 0/2');
      await stage.advance(130_000);
      assert.equal(stage.summary('r'), 'Ready=False AgentSilent 1/2');
    }),
  );

  it(
    'calls nobody silent whom it could not hear: the API server away, the process stopped',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      const text = stage.text('r');
      const writes = process.writesOf('r');
      process.api.away();
      await stage.advance(900_000);
      process.api.back();
      await stage.advance(60_000);
      process.clock.paused = true;
      await stage.advance(900_000);
      process.clock.paused = false;
      process.api.cutWatches();
      await stage.advance(60_000);
      assert.equal(process.controller.leads, true);
      assert.equal(stage.text('r'), text);
      assert.equal(process.writesOf('r'), writes);
    }),
  );

  it(
    'is true soon after the API server was away',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      process.api.away();
      await stage.advance(30_000);
      stage.putRoute('r', { metric: 8 });
      stage.putRoute('s');
      await stage.advance(30_000);
      process.api.back();
      await stage.advance(5_000);
      assert.deepEqual([stage.summary('r'), stage.summary('s')], ['Ready=True AllNodesReady 3/3', 'Ready=True AllNodesReady 3/3']);
      assert.equal(stage.status('r')?.observedGeneration, 2);
      assert.equal(process.writesOf('r'), 2);
    }),
  );

  it(
    'is forgotten with its object, also when that goes while it is written',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      stage.world.delete(STATIC_ROUTES, { name: 'r' });
      await stage.advance(60_000);
      assert.equal(process.writesOf('r'), 1);
      process.api.before = ({ verb, resource }) => {
        if (verb === 'apply' && resource === 'staticroutes/status') stage.world.delete(STATIC_ROUTES, { name: 'q' });
      };
      stage.putRoute('q');
      await stage.advance(60_000);
      assert.equal(process.writesOf('q'), 1);
      process.api.before = () => {};
      stage.putRoute('q');
      await stage.advance(60_000);
      assert.equal(stage.summary('q'), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'is tried again when it was refused, later each time, and the others go on',
    scenario(3, async (stage) => {
      const process = stage.start();
      process.api.before = ({ verb, name }) => {
        if (verb === 'apply' && name === 'bad') throw new ApiError('is invalid: too ugly', { status: 422, reason: 'Invalid' });
      };
      stage.putRoute('bad');
      stage.putRoute('good');
      await stage.advance(120_000);
      assert.equal(stage.summary('good'), 'Ready=True AllNodesReady 3/3');
      assert.ok(process.writesOf('bad') >= 4 && process.writesOf('bad') <= 8, `${process.writesOf('bad')}`);
      assert.match(process.log.join('\n'), /StaticRoute bad could not be written: is invalid: too ugly/);
      process.api.before = () => {};
      await stage.advance(70_000);
      assert.equal(stage.summary('bad'), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'is not written again while the watch is late, not even when the object is gone',
    scenario(3, async (stage) => {
      const process = stage.start();
      await stage.advance(5_000);
      const deafen = ({ verb, resource, name }: FakeCall): void => {
        if (verb === 'apply' && resource === 'staticroutes/status') {
          process.api.cutWatches();
          if (name === 'gone') stage.world.delete(STATIC_ROUTES, { name });
        } else if (resource === 'staticroutes') throw new ApiError('overloaded', { status: 429, reason: 'TooManyRequests' });
      };
      for (const name of ['r', 'gone']) {
        stage.putRoute(name);
        await stage.advance(5);
        process.api.before = deafen;
        await stage.advance(9_000);
        assert.equal(process.writesOf(name), 1, name);
        process.api.before = () => {};
        await stage.advance(20_000);
        assert.equal(process.writesOf(name), 1, name);
      }
    }),
  );

  it(
    'is written at most once a second, whatever happens in the cluster',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      const before = process.writesOf('r');
      for (let i = 0; i < 100; i++) {
        stage.putNode('n1', { ready: i % 2 ? 'True' : 'Unknown' });
        await stage.advance(70);
      }
      assert.ok(process.writesOf('r') > before + 2 && process.writesOf('r') <= before + 8, `${process.writesOf('r') - before}`);
      await stage.advance(2_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'waits while nobody may write, in one line of the log',
    scenario(3, async (stage) => {
      const process = stage.start();
      process.api.before = ({ verb, resource }) => {
        if (verb === 'apply' && resource === 'staticroutes/status') throw new ApiError('forbidden', { status: 403, reason: 'Forbidden' });
      };
      for (let i = 0; i < 100; i++) stage.putRoute(`r${i}`);
      await stage.advance(60_000);
      assert.equal(process.log.filter((line) => line.includes('forbidden')).length, 1);
      process.api.before = () => {};
      await stage.advance(10_000);
      for (let i = 0; i < 100; i++) assert.equal(stage.summary(`r${i}`), 'Ready=True AllNodesReady 3/3');
    }),
  );
});

describe('many of them', () => {
  it(
    '500 at once on 3 nodes cost at most 2 writes each',
    scenario(3, async (stage) => {
      const process = stage.start();
      await stage.advance(5_000);
      for (let i = 0; i < 500; i++) {
        stage.putRoute(`r${i}`);
        if (i % 10 === 0) await stage.advance(30);
      }
      await stage.advance(4_000);
      const counts = [...process.writes().values()];
      assert.equal(counts.length, 500);
      assert.ok(Math.max(...counts) <= 2, `${Math.max(...counts)}`);
      for (let i = 0; i < 500; i++) assert.equal(stage.summary(`r${i}`), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'one change on 1000 nodes costs at most 5 writes, however long the nodes take',
    scenario(1000, async (stage) => {
      const process = stage.start();
      await stage.advance(10_000);
      let slowest = 0;
      for (const agent of stage.agents.values()) agent.reaction = slowest += 29;
      stage.putRoute('r');
      await stage.advance(32_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 1000/1000');
      assert.ok(process.writesOf('r') <= 5, `${process.writesOf('r')}`);
    }),
  );
});
