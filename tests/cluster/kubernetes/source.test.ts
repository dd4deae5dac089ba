import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { brokenRoute, routesOf, until, untilRoutes, wireRoute } from '../../../src/cluster/cluster.contract.ts';
import { ManualClock } from '../../agent/clock.ts';
import { settle } from '../reflector-stage.ts';
import { ADDRESSES, ClusterStage, NETWORK, NETWORKS, NODE, ROUTES } from './cluster-stage.ts';

const A = wireRoute('a', '10.1.0.0/16');
const B = wireRoute('b', '10.2.0.0/16');
const BOTH = 'a=10.1.0.0/16 b=10.2.0.0/16';
const FIX = 'fairlead crds \\| kubectl apply --server-side -f -';

describe('the resources of a cluster', () => {
  it('are its own Node, the ClusterNetwork and the routes, and no other Node is asked for', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put({ ...NODE, metadata: { name: 'n2', labels: { zone: 'b' } } });
    stage.put(A);
    const snapshot = (await stage.start()).snapshot();
    assert.deepEqual(
      snapshot.nodes.map(({ name }) => name),
      ['n1'],
    );
    assert.deepEqual(snapshot.clusterNetwork?.podRanges.map(String), ['10.244.0.0/16']);
    const [route] = snapshot.staticRoutes;
    assert.deepEqual(route?.meta.ref, { kind: 'StaticRoute', name: 'a' });
    assert.equal(route?.meta.generation, 1);
    assert.ok(route?.meta.uid && route.meta.created);
    assert.equal(route.meta.source, undefined);
  });

  it('are no news when somebody writes what does not matter', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    const before = source.snapshot();
    let heard = 0;
    source.watch(() => heard++);
    stage.put({ ...A, status: { nodes: { selected: 3 } } });
    stage.put({ ...A, metadata: { name: 'a', labels: { team: 'net' } } });
    stage.put({ ...NODE, status: { conditions: [{ type: 'Ready' }], images: [] } });
    stage.put({ ...NETWORK, metadata: { name: 'cluster', labels: { by: 'controller' } } });
    await settle();
    assert.equal(source.snapshot(), before);
    assert.equal(heard, 0);
  });

  it('are news when labels of the node, the ClusterNetwork, or the object itself change', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    stage.put({ ...NODE, metadata: { name: 'n1', labels: { zone: 'b' } } });
    await until(source, 'the label is seen', ({ nodes }) => nodes[0]?.labels.get('zone') === 'b');
    stage.put({ ...NETWORK, status: { podRanges: ['10.245.0.0/16'] } });
    await until(source, 'the range is seen', ({ clusterNetwork }) => String(clusterNetwork?.podRanges[0]) === '10.245.0.0/16');
    const { uid } = source.snapshot().staticRoutes[0]?.meta ?? {};
    stage.api.world.delete(ROUTES, A.metadata);
    stage.put(A);
    await until(
      source,
      'it is another object of the same name',
      ({ staticRoutes: [route] }) => route !== undefined && route.meta.uid !== uid,
    );
  });

  it('keep the identity of what has not changed, also over a list', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    stage.put(B);
    const source = await stage.start();
    const before = source.snapshot();
    stage.api.away();
    await until(source, 'it is away', ({ complete }) => !complete);
    stage.put(wireRoute('b', '10.9.0.0/16'));
    stage.api.expire();
    stage.api.back();
    const after = await until(source, 'the change is there', (seen) => seen.complete && seen.staticRoutes[1] !== before.staticRoutes[1]);
    assert.equal(after.staticRoutes[0], before.staticRoutes[0]);
    assert.equal(after.clusterNetwork, before.clusterNetwork);
    assert.equal(after.nodes[0], before.nodes[0]);
  });

  it('tell once that the server is away, and since when', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const clock = new ManualClock();
    const started = stage.open({ clock });
    const starting = started.start();
    await clock.advance(0, settle);
    await starting;
    await clock.advance(5_000, settle);
    stage.api.world.bookmark();
    await settle();
    stage.api.away();
    await clock.advance(60_000, settle);
    const snapshot = started.snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(snapshot.asOf, '2027-01-01T00:00:05.000Z');
    assert.deepEqual(snapshot.problems, [
      {
        source: stage.api.server,
        message: 'cannot reach the API server https://fake:6443 (ECONNREFUSED); what was in force stays in force',
      },
    ]);
    assert.equal(snapshot.incompleteReason, 'cannot reach the API server https://fake:6443 (ECONNREFUSED); nothing is removed until then');
  });
});

describe('a cluster where something is missing', () => {
  it('without this Node is incomplete, and asks whether the name is right', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start({ nodeName: 'n7' });
    const snapshot = source.snapshot();
    assert.equal(snapshot.complete, false);
    assert.match(snapshot.incompleteReason ?? '', /^there is no Node n7: see whether --node is right; nothing is removed until then$/);
    assert.equal(snapshot.problems[0]?.source, 'nodes');
    stage.put({ ...NODE, metadata: { name: 'n7' } });
    assert.deepEqual((await until(source, 'it is complete', ({ complete }) => complete)).problems, []);
  });

  it('keeps the last labels of a Node that is deleted, and is incomplete', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    stage.remove(NODE);
    const snapshot = await until(source, 'it is incomplete', ({ complete }) => !complete);
    assert.equal(snapshot.nodes[0]?.labels.get('zone'), 'a');
    assert.match(snapshot.incompleteReason ?? '', /^the Node n1 is gone, its last known labels count/);
    stage.remove(A);
    await untilRoutes(source, '');
    assert.equal(source.snapshot().complete, false);
  });

  it('keeps the last labels of a Node that was deleted while no agent ran', async (t) => {
    const stage = await ClusterStage.for(t);
    await (await stage.start()).close();
    stage.remove(NODE);
    const snapshot = (await stage.start()).snapshot();
    assert.equal(snapshot.nodes[0]?.labels.get('zone'), 'a');
    assert.equal(snapshot.complete, false);
  });

  it('without the ClusterNetwork is incomplete, and keeps the last one', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.api.world.delete(NETWORKS, { name: 'cluster' });
    const source = await stage.start();
    assert.match(
      source.snapshot().incompleteReason ?? '',
      /^the controller has not written ClusterNetwork cluster yet: see whether it runs/,
    );
    stage.put(NETWORK);
    await until(source, 'it is complete', ({ complete }) => complete);
    stage.api.world.delete(NETWORKS, { name: 'cluster' });
    const snapshot = await until(source, 'it is incomplete', ({ complete }) => !complete);
    assert.deepEqual(snapshot.clusterNetwork?.podRanges.map(String), ['10.244.0.0/16']);
    assert.match(snapshot.incompleteReason ?? '', /^ClusterNetwork cluster is gone, the last known one counts/);
  });

  for (const [type, what] of [
    [ROUTES, 'StaticRoute'],
    [NETWORKS, 'ClusterNetwork'],
    [ADDRESSES, 'NodeOverlayIP'],
  ] as const) {
    it(`without the CRD of ${what} is incomplete, and says how to install it`, async (t) => {
      const stage = await ClusterStage.for(t);
      stage.put(A);
      stage.api.withdraw(type);
      const source = await stage.start();
      const snapshot = source.snapshot();
      assert.equal(snapshot.complete, false);
      assert.match(snapshot.incompleteReason ?? '', new RegExp(`${what} is not installed; run: ${FIX}; nothing is removed until then$`));
      assert.equal(snapshot.nodes.length, 1);
      stage.serve(type);
      await until(source, 'it is complete', ({ complete }) => complete);
      assert.equal(routesOf(source.snapshot()), 'a=10.1.0.0/16');
    });
  }

  it('loses nothing when a CRD is no longer served', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    stage.api.withdraw(ROUTES);
    const snapshot = await until(source, 'it is incomplete', ({ complete }) => !complete);
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.match(snapshot.problems[0]?.message ?? '', new RegExp(FIX));
  });

  it('has lost everything when the server lists everything as lost', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    stage.api.away();
    await until(source, 'it is away', ({ complete }) => !complete);
    stage.remove(A);
    stage.api.expire();
    stage.api.back();
    await until(source, 'nothing is left', (seen) => seen.complete && routesOf(seen) === '');
  });
});

describe('what an agent of a cluster keeps for a restart', () => {
  it('is everything in force, without what is nobody’s wish', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put({ ...A, status: { nodes: { selected: 1 } } });
    await (await stage.start()).close();
    const kept = JSON.parse(await readFile(stage.lastGood, 'utf8'));
    assert.equal(kept.version, 1);
    assert.ok(Date.parse(kept.asOf));
    const [{ path, documents }] = kept.files;
    assert.equal(path, stage.api.server);
    const kinds = documents.map(({ object }: { object: { kind: string } }) => object.kind);
    assert.deepEqual(kinds, ['Node', 'ClusterNetwork', 'StaticRoute']);
    assert.equal(documents[2].object.status, undefined);
    assert.deepEqual(documents[2].object.spec, A['spec']);
  });

  it('counts when the server neither answers nor refuses', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    await (await stage.start()).close();
    stage.api.before = () => new Promise(() => {});
    const clock = new ManualClock();
    const source = stage.open({ clock });
    const started = source.start();
    // The file is read in real time.
    while (stage.api.calls.filter(({ verb }) => verb === 'list').length < 6) await settle();
    await clock.advance(3_000, settle);
    await started;
    const snapshot = source.snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(snapshot.nodes[0]?.name, 'n1');
    assert.match(
      snapshot.incompleteReason ?? '',
      /^https:\/\/fake:6443 has not answered yet, asked for nodes, clusternetworks\.fairlead\.dev, static/,
    );
  });

  it('counts as far as the server refuses to tell', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    stage.put(B);
    await (await stage.start()).close();
    stage.api.withdraw(ROUTES);
    stage.put({ ...NODE, metadata: { name: 'n1', labels: { zone: 'b' } } });
    const snapshot = (await stage.start()).snapshot();
    assert.equal(routesOf(snapshot), BOTH);
    assert.equal(snapshot.nodes[0]?.labels.get('zone'), 'b');
    assert.equal(snapshot.complete, false);
  });

  it('counts until all is known when it is of a folder', async (t) => {
    const stage = await ClusterStage.for(t);
    const documents = [
      { line: 3, object: { ...A, kind: 'Node', apiVersion: 'v1', metadata: { name: 'n9' } } },
      { line: 9, object: B },
    ];
    const files = [{ path: 'routes.yaml', readAt: '2027-01-01T00:00:00.000Z', unrecognised: 0, documents }];
    await writeFile(stage.lastGood, JSON.stringify({ version: 1, asOf: '2027-01-01T00:00:00.000Z', files }));
    stage.put(A);
    stage.api.away();
    const source = await stage.start();
    assert.equal(routesOf(source.snapshot()), 'b=10.2.0.0/16');
    assert.equal(source.snapshot().asOf, '2027-01-01T00:00:00.000Z');
    stage.api.back();
    assert.equal(routesOf(await until(source, 'it is complete', ({ complete }) => complete)), 'a=10.1.0.0/16');
  });

  it('is not written by those who only look', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    await (await stage.start({ readOnly: true })).close();
    await assert.rejects(readFile(stage.lastGood), /ENOENT/);
  });

  it('has the last good version of an object that a newer schema admits', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(A);
    const source = await stage.start();
    stage.put({ ...A, spec: { subnets: ['10.1.0.0/16'], via: { tunnel: {} } } });
    const snapshot = await until(source, 'it is not understood', ({ invalid }) => invalid.length === 1);
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(snapshot.complete, true);
    stage.put(brokenRoute('a'));
    await source.close();
    assert.equal(routesOf((await stage.start()).snapshot()), 'a=10.1.0.0/16');
  });
});

describe('closing a source', () => {
  it('leaves nothing behind, whenever it comes', async (t) => {
    const stage = await ClusterStage.for(t);
    const unstarted = stage.open();
    await unstarted.close();
    stage.api.before = () => new Promise(() => {});
    const stuck = stage.open();
    const started = stuck.start();
    await settle();
    await stuck.close();
    await started;
    stage.api.before = () => {};
    const source = await stage.start();
    await source.close();
    await settle();
    assert.equal(stage.api.world.openWatches, 0);
    let heard = 0;
    source.watch(() => heard++);
    stage.put(A);
    await settle();
    assert.equal(heard, 0);
  });

  it('asks for four types, each once', async (t) => {
    const stage = await ClusterStage.for(t);
    await stage.start();
    await settle();
    const asked = stage.api.calls.map(({ verb, resource }) => `${verb} ${resource}`).sort();
    assert.deepEqual(asked, [
      'list clusternetworks',
      'list nodeoverlayips',
      'list nodes',
      'list staticroutes',
      'watch clusternetworks',
      'watch nodeoverlayips',
      'watch nodes',
      'watch staticroutes',
    ]);
    assert.equal(stage.api.world.openWatches, 4);
  });
});
