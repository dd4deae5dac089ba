import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AgentWeb, serve, serveIfFree } from '../../src/cli/agent-web.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Stage } from '../agent/stage.ts';

/** Serves on a free port; the log tells which. */
async function withServer(use: (base: string, observe: AgentWeb['observe'], web: AgentWeb) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const log = { ...silentLog, info: (line: string) => void lines.push(line) };
  const web = await serve({ host: '127.0.0.1', port: 0 }, { version: '1.2.3', log });
  const [base = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(lines.join()) ?? [];
  try {
    await use(base, web.observe.bind(web), web);
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

  it('while it waits for another agent it is healthy, and neither ready nor measured', () =>
    withServer(async (base, _, web) => {
      web.waitFor('fairlead agent of node n9 (pid 4711)');
      assert.deepEqual(await get(`${base}/healthz`), [200, 'ok\n']);
      const waiting = 'not ready: waiting for fairlead agent of node n9 (pid 4711) to end\n';
      assert.deepEqual(await get(`${base}/readyz`), [503, waiting]);
      assert.deepEqual(await get(`${base}/metrics`), [503, waiting], 'zeros would look like an agent that lost everything');
      web.waitFor(undefined);
      assert.deepEqual(await get(`${base}/readyz`), [503, 'not ready: no round has been done yet\n']);
      assert.equal((await get(`${base}/metrics`))[0], 200);
    }));

  it('only answers questions: anything but GET and HEAD is refused, and says what is allowed', () =>
    withServer(async (base) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const response = await fetch(`${base}/metrics`, { method });
        assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'], method);
        await response.text();
      }
      const head = await fetch(`${base}/healthz`, { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [200, '']);
    }));

  it('gives up an address that is taken at once when asked to, and serves when it is free', () =>
    withServer(async (base) => {
      const port = Number(new URL(base).port);
      assert.equal(await serveIfFree({ host: '127.0.0.1', port }, { version: '1', log: silentLog }), undefined);
    }));

  it('gets the address of an agent that is just ending', () =>
    withServer(async (base, _, web) => {
      const port = Number(new URL(base).port);
      const next = serve({ host: '127.0.0.1', port }, { version: '1', log: silentLog });
      await web.close();
      const served = await next;
      assert.deepEqual(await get(`${base}/healthz`), [200, 'ok\n']);
      await served.close();
    }));

  it('says in one line that it cannot use the address', async () => {
    await assert.rejects(serveIfFree({ host: '192.0.2.1', port: 9410 }, { version: '1', log: silentLog }), (error: unknown) => {
      assert.ok(error instanceof CommandFailed);
      assert.match(error.message, /^--listen 192\.0\.2\.1:9410: listen EADDRNOTAVAIL.*: choose another address$/);
      return true;
    });
  });

  it('says in one line that the address is taken', () =>
    withServer(async (base) => {
      const port = Number(new URL(base).port);
      await assert.rejects(serve({ host: '127.0.0.1', port }, { version: '1', log: silentLog }, 0), (error: unknown) => {
        assert.ok(error instanceof CommandFailed);
        assert.match(error.message, /^--listen 127\.0\.0\.1:\d+: listen EADDRINUSE.*: choose another address$/);
        return true;
      });
    }));
});
