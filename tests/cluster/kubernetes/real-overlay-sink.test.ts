import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { crdName } from '../../../src/api/crd.ts';
import { nodeOverlayIPKind } from '../../../src/api/kinds/node-overlay-ip.ts';
import type { WrittenObject } from '../../../src/cluster/api-client.ts';
import { wireOverlayIP } from '../../../src/cluster/cluster.contract.ts';
import type { OverlayReport } from '../../../src/cluster/cluster.ts';
import { openOverlaySink } from '../../../src/cluster/kubernetes/overlay-sink.ts';
import { describeOverlaySink } from '../../../src/cluster/overlay-sink.contract.ts';
import { ManualClock } from '../../agent/clock.ts';
import { type ControlPlane, startControlPlane } from '../../lab/control-plane.ts';
import { ADDRESSES } from './cluster-stage.ts';
import { RealStage, untilServed } from './real-stage.ts';

describe('on a real API server, with the definition as it is', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
    const name = crdName(nodeOverlayIPKind.definition);
    await plane.kubectl(['apply', '--server-side', '-f', `deploy/crds/${name}.yaml`]);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', name]);
  });
  after(() => plane.stop());

  /** An object of which nothing is decided, under any name of node n1. */
  const made = (name: string): WrittenObject => {
    const { status, ...object } = wireOverlayIP('n1', '192.168.100.4/24');
    return { ...object, apiVersion: ADDRESSES.apiVersion, metadata: { name } };
  };

  describeOverlaySink('a Kubernetes cluster', async () => {
    const stage = await RealStage.open(plane);
    await untilServed(stage.client, ADDRESSES);
    const clock = new ManualClock();
    return {
      sink: openOverlaySink({ client: stage.client, clock }),
      create: async (name) => (await stage.elsewhere.create(ADDRESSES, made(name))).metadata.uid,
      delete: (name) => stage.elsewhere.delete(ADDRESSES, { name }),
      read: async (name) => {
        const { metadata, ...fields } = await stage.elsewhere.get(ADDRESSES, { name });
        return { status: fields['status'], version: metadata.resourceVersion };
      },
      pass: (seconds) => clock.pass(seconds * 1000),
      away: () => stage.away(),
      back: () => stage.back(),
      dispose: async () => {
        await stage.elsewhere.delete(ADDRESSES, { name: 'n1.default' });
        await stage.end();
      },
    };
  });

  it('an agent and the controller write one status, and neither takes anything from the other', async () => {
    const stage = await RealStage.open(plane);
    const { client } = stage;
    const sink = openOverlaySink({ client, clock: new ManualClock() });
    const { apiVersion, kind, metadata, status } = wireOverlayIP('n1', '192.168.100.4/24') as WrittenObject;
    const { uid } = (await client.create(ADDRESSES, made('n1.default'))).metadata;
    const decide = () =>
      client.apply(ADDRESSES, { apiVersion, kind, metadata, status }, { fieldManager: 'fairlead-controller', subresource: 'status' });
    const report = (holds: 'True' | 'False'): OverlayReport => ({
      name: 'n1.default',
      uid,
      ...(holds === 'True' && { device: { name: 'tmp0' } }),
      deviceReady: { status: holds, reason: 'x', message: '' },
    });
    await decide();
    await sink.write(report('True'));
    await decide();
    const both = (await client.get(ADDRESSES, metadata))['status'] as Readonly<Record<string, unknown>>;
    const { conditions, device, ...decided } = both;
    const { conditions: ready, ...asked } = status as Readonly<Record<string, unknown>>;
    assert.deepEqual([device, decided], [{ name: 'tmp0' }, asked]);
    const types = (conditions as readonly { readonly type: string }[]).map(({ type }) => type);
    assert.deepEqual(types.toSorted(), ['DeviceReady', 'Ready']);
    await sink.write(report('False'));
    const after = (await client.get(ADDRESSES, metadata))['status'] as Readonly<Record<string, unknown>>;
    assert.deepEqual([after['device'], after['addresses']], [undefined, asked['addresses']]);
    assert.ok(ready);
    await client.delete(ADDRESSES, metadata);
    await stage.end();
  });
});
