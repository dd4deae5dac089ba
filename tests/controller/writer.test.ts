import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, type WrittenObject } from '../../src/cluster/api-client.ts';
import { NODE_REPORTS } from '../../src/controller/abandoned-reports.ts';
import { scenario } from './stage.ts';

describe('what a leader writes', () => {
  it(
    'goes on within minutes, whatever Retry-After says',
    scenario(1, async (stage) => {
      const { api } = stage.start();
      await stage.advance(5_000);
      api.before = ({ resource }) => {
        if (resource === 'staticroutes/status')
          throw new ApiError('come back in a year', { status: 429, reason: 'TooManyRequests', retryAfter: 31_536_000_000 });
      };
      stage.putRoute('r');
      await stage.advance(5_000);
      api.before = () => {};
      await stage.advance(120_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 1/1');
    }),
  );

  it(
    'does not wait for an object that is too large for the API server',
    scenario(1, async (stage) => {
      const { api } = stage.start();
      await stage.advance(5_000);
      api.before = ({ resource, name }) => {
        if (resource === 'staticroutes/status' && name === 'large')
          throw new ApiError('etcdserver: request is too large', { status: 500, reason: 'InternalError' });
      };
      stage.putRoute('large');
      await stage.advance(120_000);
      stage.putRoute('small');
      await stage.advance(2_500);
      assert.equal(stage.summary('small'), 'Ready=True AllNodesReady 1/1');
    }),
  );

  it(
    'does not hold up its end: also a deletion that is under way is given up',
    scenario(0, async (stage) => {
      const report: WrittenObject = { apiVersion: NODE_REPORTS.apiVersion, kind: 'NodeReport', metadata: { name: 'gone' } };
      stage.world.apply(NODE_REPORTS, report, { fieldManager: 'fairlead-agent' });
      const { api, controller } = stage.start();
      const { promise: deleting, resolve: begun } = Promise.withResolvers<void>();
      const { promise: never, resolve: release } = Promise.withResolvers<void>();
      api.before = ({ verb }) => {
        if (verb !== 'delete') return undefined;
        begun();
        return never;
      };
      await stage.advance(100_000);
      await deleting;
      let closed = false;
      const closing = controller.close().then(() => {
        closed = true;
      });
      await stage.advance(1_000);
      const closedInTime = closed;
      release();
      await closing;
      assert.equal(closedInTime, true);
    }),
  );
});
