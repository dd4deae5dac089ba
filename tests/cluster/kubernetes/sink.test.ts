import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeReport } from '../../../src/api/kinds/node-report.ts';
import { ApiError } from '../../../src/cluster/api-client.ts';
import { ReportFailed } from '../../../src/cluster/cluster.ts';
import { FakeApi } from '../../../src/cluster/fake-api.ts';
import { openReportSink } from '../../../src/cluster/kubernetes/sink.ts';
import { REPORTS } from './cluster-stage.ts';

function report(lastSync: string): NodeReport {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'NodeReport',
    metadata: { name: 'n1' },
    status: { lastSync } as NodeReport['status'],
  };
}

function stage(): { readonly api: FakeApi; readonly write: (lastSync: string) => Promise<void>; readonly written: () => unknown } {
  const api = new FakeApi();
  api.serve(REPORTS);
  const sink = openReportSink(api);
  return { api, write: (lastSync) => sink.write(report(lastSync)), written: () => api.world.get(REPORTS, { name: 'n1' })['status'] };
}

describe('the report sink of a cluster', () => {
  it('makes the report once, then writes the status alone', async () => {
    const { api, write, written } = stage();
    await write('1');
    await write('2');
    assert.deepEqual(written(), { lastSync: '2' });
    assert.deepEqual(Object.fromEntries(api.writes), { 'apply nodereports/status': 3, 'apply nodereports': 1 });
  });

  it('writes it again after somebody has deleted it', async () => {
    const { api, write, written } = stage();
    await write('1');
    api.remove(report('1'));
    await write('2');
    assert.deepEqual(written(), { lastSync: '2' });
  });

  it('takes back what somebody else has written into it', async () => {
    const { api, write, written } = stage();
    await write('1');
    api.put({ ...report('1'), status: { lastSync: 'edited' } } as never);
    await write('2');
    assert.deepEqual(written(), { lastSync: '2' });
  });

  it('says when the cluster is away, and when the CRDs are not installed', async () => {
    const { api, write } = stage();
    api.away();
    await assert.rejects(
      write('1'),
      (error) => error instanceof ReportFailed && /^the report of node n1 was not written: cannot reach/.test(error.message),
    );
    api.back();
    api.withdraw(REPORTS);
    await assert.rejects(write('1'), /NodeReport is not installed: run: fairlead crds \| kubectl apply --server-side -f -$/);
  });

  for (const [what, status, words, expected] of [
    [
      'a missing role',
      403,
      'cannot patch resource',
      /; grant the verbs create and patch on nodereports\.fairlead\.dev and patch on nodereports\.fairlead\.dev\/status$/,
    ],
    [
      'the admission policy',
      403,
      "ValidatingAdmissionPolicy 'fairlead' denied request: not your node",
      /not your node; give the agent a token that is bound to a pod/,
    ],
    ['a request that is too large', 413, 'Request entity too large: limit is 3145728', /; it is too large for the API server: use fewer/],
    ['an object that is too large', 500, 'etcdserver: request is too large', /; it is too large for the API server: use fewer/],
    [
      'a schema of another version',
      422,
      'NodeReport is invalid: status.x',
      /; the CRDs may be of another version than this agent: run: fairlead crds/,
    ],
    [
      'a definition that lacks a field',
      500,
      'failed to create typed patch object: .status.summary: field not declared in schema',
      /; the definition of NodeReport is older than this program: run: fairlead crds \| kubectl apply/,
    ],
    ['anything else', 409, 'Operation cannot be fulfilled', /Operation cannot be fulfilled$/],
  ] as const) {
    it(`explains ${what}`, async () => {
      const { api, write } = stage();
      api.before = () => {
        throw new ApiError(words, { status, reason: 'x' });
      };
      await assert.rejects(write('1'), (error) => error instanceof ReportFailed && expected.test(error.message));
    });
  }

  it('hides no bug', async () => {
    const { api, write } = stage();
    const bug = new TypeError('a bug');
    api.before = () => {
      throw bug;
    };
    await assert.rejects(write('1'), bug);
  });
});
