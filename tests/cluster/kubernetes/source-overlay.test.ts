import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlayOf, routesOf, until, wireOverlayIP, wireRoute } from '../../../src/cluster/cluster.contract.ts';
import { settle } from '../reflector-stage.ts';
import { ADDRESSES, ClusterStage } from './cluster-stage.ts';

const A = wireRoute('a', '10.1.0.0/16');
const OWN = wireOverlayIP('n1', '192.168.100.4/24');
const OVERLAY = 'n1.default=192.168.100.4/24 via 192.168.100.1 on tmp0';
const FIX = 'fairlead crds \\| kubectl apply --server-side -f -';

describe('the overlay addresses of a cluster', () => {
  it('are those of this node, and no pool is asked for', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(OWN);
    stage.put(wireOverlayIP('n2', '192.168.100.5/24'));
    const { nodeOverlayIPs, overlayPools } = (await stage.start()).snapshot();
    assert.deepEqual(
      nodeOverlayIPs.map(({ node, granted }) => [node, granted]),
      [['n1', true]],
    );
    assert.deepEqual(overlayPools, []);
    assert.deepEqual(
      stage.api.calls.filter(({ resource }) => resource === 'overlaypools'),
      [],
    );
  });

  it('are no news when an agent writes what it has made of them', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(OWN);
    const source = await stage.start();
    const before = source.snapshot();
    let heard = 0;
    source.watch(() => heard++);
    const { conditions, ...decided } = OWN['status'] as { readonly conditions: readonly object[] };
    const answer = { type: 'DeviceReady', status: 'True', reason: 'InPlace', message: '', lastTransitionTime: '2027-01-01T00:00:09Z' };
    stage.put({ ...OWN, status: { ...decided, conditions: [answer, ...conditions], device: { name: 'tmp0', mac: '02:00:00:00:00:01' } } });
    stage.put({ ...OWN, metadata: { ...OWN.metadata, annotations: { 'fairlead.dev/adopt': 'true' }, labels: { a: 'b' } } } as typeof OWN);
    await settle();
    assert.equal(source.snapshot(), before);
    assert.equal(heard, 0);
  });

  it('are news when they are granted, and when they are deleted, though a finalizer keeps the object', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put({ ...OWN, status: {} });
    const source = await stage.start();
    assert.equal(source.snapshot().nodeOverlayIPs[0]?.granted, false);
    stage.put(OWN);
    await until(source, 'they are granted', (snapshot) => overlayOf(snapshot, 'n1') === OVERLAY);
    stage.put({ ...OWN, metadata: { ...OWN.metadata, deletionTimestamp: '2027-01-01T00:00:00Z' } } as typeof OWN);
    await until(source, 'they are deleted', ({ nodeOverlayIPs: [own] }) => own?.deleting === true);
  });

  it('stay in force when their definition is no longer served', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.put(OWN);
    const source = await stage.start();
    stage.api.withdraw(ADDRESSES);
    const snapshot = await until(source, 'it is incomplete', ({ complete }) => !complete);
    assert.equal(overlayOf(snapshot, 'n1'), OVERLAY);
  });

  it('cannot be selected by an older definition: then nothing is removed, and the fix is said', async (t) => {
    const stage = await ClusterStage.for(t);
    stage.api.serve(ADDRESSES, { selectableFields: [] });
    stage.put(A);
    const source = await stage.start();
    const { complete, incompleteReason, problems } = source.snapshot();
    assert.equal(complete, false);
    assert.match(
      incompleteReason ?? '',
      new RegExp(
        `^field label not supported: spec.node: the definition of NodeOverlayIP is older than this program, or the API server older than Kubernetes 1\\.31; run: ${FIX}; nothing is removed until then$`,
      ),
    );
    assert.equal(problems[0]?.source, 'nodeoverlayips.fairlead.dev');
    assert.equal(routesOf(source.snapshot()), 'a=10.1.0.0/16');
    stage.serve(ADDRESSES);
    await until(source, 'it is complete', (snapshot) => snapshot.complete);
  });
});
