import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serve } from '../../src/cli/agent-web.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Stage } from '../agent/stage.ts';

/** Serves on a free port; the log tells which. */
async function withServer(use: (base: string, observe: Awaited<ReturnType<typeof serve>>['observe']) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const log = { ...silentLog, info: (line: string) => void lines.push(line) };
  const web = await serve({ host: '127.0.0.1', port: 0 }, { version: '1.2.3', log });
  const [base = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(lines.join()) ?? [];
  try {
    await use(base, web.observe.bind(web));
  } finally {
    await web.close();
  }
}

async function get(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

describe('the agent on the web', () => {
  it('is healthy at once, and ready after its first round', () =>
    withServer(async (base, observe) => {
      assert.deepEqual(await get(`${base}/healthz`), [200, 'ok\n']);
      assert.deepEqual(await get(`${base}/readyz`), [503, 'not ready: no round has been done yet\n']);
      const stage = new Stage();
      await stage.makeAgent().once();
      for (const telling of stage.tellings) observe(telling);
      await stage.stop();
      assert.deepEqual(await get(`${base}/readyz`), [200, 'ok\n']);
      assert.deepEqual(await get(`${base}/other`), [404, 'not found: there are /metrics, /healthz and /readyz\n']);
    }));

  it('counts what rounds did, for Prometheus', () =>
    withServer(async (base, observe) => {
      const stage = new Stage();
      stage.put('a', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      stage.put('bad', { subnets: ['192.168.60.0/24'], via: { device: 'eth9' } });
      stage.kernel.failNext('ENOBUFS');
      await stage.start();
      await stage.advance(1_000);
      stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
      stage.kernel.micros += 250;
      await stage.settle();
      for (const telling of stage.tellings) observe(telling);
      await stage.stop();
      const [, text] = await get(`${base}/metrics?x=1`);
      const expected = [
        'fairlead_build_info{version="1.2.3"} 1',
        'fairlead_routes 2',
        'fairlead_resources{ready="true"} 1',
        'fairlead_resources{ready="false"} 1',
        'fairlead_source_problems 0',
        'fairlead_source_complete 1',
        'fairlead_changes_total{op="add-route",result="ok"} 3',
        'fairlead_changes_total{op="add-route",result="failed"} 1',
        'fairlead_drift_total{event="RouteDeleted"} 1',
        'fairlead_heal_seconds_count 1',
        'fairlead_heal_seconds_bucket{le="0.0003"} 1',
        'fairlead_heal_seconds_bucket{le="0.0001"} 0',
      ];
      for (const line of expected) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
    }));

  it('says in one line that the address is taken', () =>
    withServer(async (base) => {
      const port = Number(new URL(base).port);
      await assert.rejects(serve({ host: '127.0.0.1', port }, { version: '1', log: silentLog }), (error: unknown) => {
        assert.ok(error instanceof CommandFailed);
        assert.match(error.message, /^--listen 127\.0\.0\.1:\d+: listen EADDRINUSE.*: choose another address$/);
        return true;
      });
    }));
});
