import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../src/cluster/api-client.ts';
import { wireOverlayIP } from '../../../src/cluster/cluster.contract.ts';
import { type OverlayReport, ReportFailed } from '../../../src/cluster/cluster.ts';
import { FakeApi } from '../../../src/cluster/fake-api.ts';
import { openOverlaySink } from '../../../src/cluster/kubernetes/overlay-sink.ts';
import { describeOverlaySink } from '../../../src/cluster/overlay-sink.contract.ts';
import { ManualClock } from '../../agent/clock.ts';
import { ADDRESSES } from './cluster-stage.ts';

const OWN = { apiVersion: ADDRESSES.apiVersion, status: {}, ...wireOverlayIP('n1', '192.168.100.4/24') };

function stage() {
  const api = new FakeApi();
  api.serve(ADDRESSES);
  const clock = new ManualClock();
  return { api, clock, sink: openOverlaySink({ client: api, clock }) };
}

describeOverlaySink('a Kubernetes API in memory', async () => {
  const { api, clock, sink } = stage();
  return {
    sink,
    create: async (name) => api.put({ ...OWN, metadata: { name }, status: {} } as typeof OWN).metadata.uid,
    delete: async (name) => api.remove({ ...OWN, metadata: { name } }),
    read: async (name) => {
      const { metadata, ...fields } = api.world.get(ADDRESSES, { name });
      return { status: withoutEmpty(fields['status']), version: metadata.resourceVersion };
    },
    pass: (seconds) => clock.pass(seconds * 1000),
    away: async () => api.away(),
    back: async () => api.back(),
    dispose: async () => {},
  };
});

/** The fake has no schema, so it leaves an object behind when its last field goes. */
function withoutEmpty(status: unknown): unknown {
  return JSON.parse(JSON.stringify(status), (_, value: unknown) => (JSON.stringify(value) === '{}' ? undefined : value));
}

function report(uid: string): OverlayReport {
  return { name: 'n1.default', uid, deviceReady: { status: 'True', reason: 'InPlace', message: '' } };
}

describe('the overlay sink of a cluster', () => {
  it('reads, and writes nothing but the status', async () => {
    const { api, sink } = stage();
    const { uid } = api.put(OWN).metadata;
    await sink.write(report(uid));
    await sink.write(report(uid));
    assert.deepEqual(
      api.calls.map(({ verb, resource }) => `${verb} ${resource}`),
      ['get nodeoverlayips', 'apply nodeoverlayips/status', 'get nodeoverlayips'],
    );
  });

  it('looks again when the controller has written meanwhile, and writes over what it finds then', async () => {
    const { api, sink } = stage();
    const { uid } = api.put(OWN).metadata;
    let overtaken = 0;
    api.before = ({ verb }) => {
      if (verb === 'apply' && overtaken++ < 2) api.put({ ...OWN, status: { zone: `z${overtaken}` } } as typeof OWN);
    };
    await sink.write(report(uid));
    const { zone } = api.world.get(ADDRESSES, { name: 'n1.default' })['status'] as { readonly zone: string };
    assert.deepEqual([zone, api.writes.get('apply nodeoverlayips/status')], ['z2', 3]);
  });

  it('gives up when it is always overtaken', async () => {
    const { api, sink } = stage();
    const { uid } = api.put(OWN).metadata;
    let n = 0;
    api.before = ({ verb }) => {
      if (verb === 'apply') api.put({ ...OWN, status: { zone: `z${n++}` } } as typeof OWN);
    };
    await assert.rejects(sink.write(report(uid)), ReportFailed);
    assert.equal(n, 5);
  });

  it('is done when the object is deleted between reading and writing, also when there is another one by then', async () => {
    for (const again of [false, true]) {
      const { api, sink } = stage();
      const { uid } = api.put(OWN).metadata;
      api.before = ({ verb }) => {
        if (verb !== 'apply') return;
        api.remove(OWN);
        if (again) api.put(OWN);
      };
      await sink.write(report(uid));
      assert.deepEqual(api.world.find(ADDRESSES, { name: 'n1.default' })?.['status'], again ? OWN['status'] : undefined);
    }
  });

  for (const [what, status, words, expected] of [
    [
      'a missing role',
      403,
      'cannot get resource',
      /; grant the verb get on nodeoverlayips\.fairlead\.dev and patch on nodeoverlayips\.fairlead\.dev\/status$/,
    ],
    [
      'the admission policy',
      403,
      "ValidatingAdmissionPolicy 'fairlead' denied request: not your node",
      /not your node; give the agent a token that is bound to a pod/,
    ],
    [
      'a definition that lacks a field',
      500,
      'failed to create typed patch object: .status.device.speed: field not declared in schema',
      /; the definition of NodeOverlayIP is older than this program: run: fairlead crds \| kubectl apply/,
    ],
  ] as const) {
    it(`explains ${what}`, async () => {
      const { api, sink } = stage();
      const { uid } = api.put(OWN).metadata;
      api.before = () => {
        throw new ApiError(words, { status, reason: 'x' });
      };
      await assert.rejects(sink.write(report(uid)), (error) => error instanceof ReportFailed && expected.test(error.message));
    });
  }

  it('hides no bug', async () => {
    const { api, sink } = stage();
    const bug = new TypeError('a bug');
    api.before = () => {
      throw bug;
    };
    await assert.rejects(sink.write(report('u')), bug);
  });
});
