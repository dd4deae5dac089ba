import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../../src/cluster/api-client.ts';
import type { ExecPlugin } from '../../../src/cluster/kubernetes/exec-credentials.ts';
import { ManualClock } from '../../agent/clock.ts';
import { answer } from './scripted-server.ts';
import { makeSetting, ROUTES, received, route, type Setting } from './setting.ts';

const V1 = 'client.authentication.k8s.io/v1';
const printed = (status: object, apiVersion = V1): string => JSON.stringify({ kind: 'ExecCredential', apiVersion, status });

describe('credential plugins', () => {
  let setting: Setting;
  let folder: string;
  /** The only token that the server takes. */
  let valid: string;

  before(async () => {
    setting = await makeSetting();
    folder = mkdtempSync(join(tmpdir(), 'fairlead-exec-'));
    const script = `#!/bin/sh\necho x >>${folder}/runs\necho "$*" >${folder}/args\nprintf %s "$KUBERNETES_EXEC_INFO" >${folder}/info\necho "$REGION" >${folder}/region\n. ${folder}/does\n`;
    writeFileSync(join(folder, 'plugin'), script);
    chmodSync(join(folder, 'plugin'), 0o755);
    setting.server.script = (stream, { headers }) => {
      if (headers['authorization'] === `Bearer ${valid}`) answer(stream, 200, route('a'));
      else answer(stream, 401, { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
    };
  });
  after(async () => {
    await setting.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    valid = 'one';
    rmSync(join(folder, 'runs'), { force: true });
  });

  /** What the plugin does: shell. */
  const does = (shell: string): void => writeFileSync(join(folder, 'does'), shell);
  const prints = (text: string): void => does(`cat <<'END'\n${text}\nEND\n`);
  const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').split('\n').length - 1;
  const open = (more: Partial<ExecPlugin> = {}, clock = new ManualClock()) => {
    const plugin: ExecPlugin = {
      apiVersion: V1,
      command: join(folder, 'plugin'),
      args: ['get', 'token'],
      env: { PATH: '/usr/bin:/bin', REGION: 'eu' },
      interactive: false,
      origin: 'context "test" of /kubeconfig',
      ...more,
    };
    const client = setting.client({ user: { exec: plugin }, clock });
    return () => client.get(ROUTES, { name: 'a' });
  };
  const fails = (asked: Promise<unknown>, words: RegExp) =>
    assert.rejects(asked, (error) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.match(error.message, words);
      return true;
    });

  it('are run once, with arguments, environment and what Kubernetes tells them', async () => {
    prints(printed({ token: 'one' }));
    const ask = open({ cluster: { server: 'https://x' } });
    assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [received('a'), received('a'), received('a')]);
    await ask();
    assert.equal(runs(), 1);
    const text = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
    assert.deepEqual([text('args'), text('region')], ['get token', 'eu']);
    const info = { kind: 'ExecCredential', apiVersion: V1, spec: { interactive: false, cluster: { server: 'https://x' } } };
    assert.deepEqual(JSON.parse(text('info')), info);
  });

  it('are run again when what they said has expired', async () => {
    const clock = new ManualClock();
    prints(printed({ token: 'one', expirationTimestamp: new Date(clock.date().getTime() + 60_000).toISOString() }));
    const ask = open({}, clock);
    await ask();
    await clock.advance(59_000, async () => {});
    await ask();
    assert.equal(runs(), 1);
    await clock.advance(1000, async () => {});
    await ask();
    assert.equal(runs(), 2);
  });

  it('are run again when the server refuses what they said', async () => {
    prints(printed({ token: 'one' }));
    const ask = open();
    await ask();
    valid = 'two';
    prints(printed({ token: 'two' }));
    assert.deepEqual(await Promise.all([ask(), ask()]), [received('a'), received('a')]);
    assert.equal(runs(), 2);
  });

  it('are run again only once for each request that is refused', async () => {
    prints(printed({ token: 'wrong' }));
    await fails(open()(), /401 Unauthorized/);
    assert.equal(runs(), 2);
  });

  it('may speak the older version', async () => {
    prints(printed({ token: 'one' }, `${V1}beta1`));
    await open({ apiVersion: `${V1}beta1` })();
  });

  it('may give a certificate', async () => {
    const { certificate, key } = await setting.authority.client('alice');
    prints(printed({ clientCertificateData: certificate, clientKeyData: key }));
    valid = 'none';
    await fails(open()(), /401 Unauthorized/);
    prints(printed({ clientCertificateData: certificate, clientKeyData: 'nonsense' }));
    await fails(open()(), /no TLS connection to .*: check the certificates in context "test"/);
  });

  it('that are missing are named, with the hint of the kubeconfig', async () => {
    await fails(
      open({ command: 'no-such-plugin', installHint: 'Run: apt install it\n' })(),
      /the credential plugin "no-such-plugin" in context "test" of \/kubeconfig is not installed; Run: apt install it$/,
    );
  });

  it('that fail are quoted', async () => {
    does('echo "starting" >&2; echo "you are not logged in" >&2; exit 3');
    await fails(
      open()(),
      /the credential plugin "\S+plugin" in context "test" of \/kubeconfig ended with status 3: you are not logged in$/,
    );
    does('kill -9 $$');
    await fails(open()(), /ended with SIGKILL$/);
  });

  for (const [how, shell] of [
    ['themselves', 'exec sleep 20'],
    ['in a program that they started', 'sleep 20; true'],
    ['and ignore SIGTERM', 'trap "" TERM; sleep 20; true'],
  ] as const) {
    it(`that hang ${how} are ended after a minute`, { timeout: 10_000 }, async () => {
      const clock = new ManualClock();
      does(`echo >${folder}/begun; ${shell}`);
      const failed = fails(open({}, clock)(), /the credential plugin .* has not ended within 60 s: see what it waits for$/);
      while (!existsSync(join(folder, 'begun'))) await setImmediate();
      rmSync(join(folder, 'begun'));
      await clock.advance(60_000, async () => {});
      await failed;
    });
  }

  for (const [what, text, words] of [
    // It may be a token: not a character of it is told.
    ['no JSON', 'eyJhbGciOi', /has printed no usable ExecCredential: it is not JSON$/],
    ['another kind', '{"kind":"Pod"}', /its kind is not ExecCredential$/],
    ['another version', printed({ token: 'one' }, 'v9'), /its apiVersion is "v9" instead of client.authentication.k8s.io\/v1$/],
    ['nothing of use', printed({}), /its status has neither a token nor clientCertificateData with clientKeyData$/],
    ['a certificate without a key', printed({ clientCertificateData: 'x' }), /neither a token nor/],
    ['a strange time', printed({ token: 'one', expirationTimestamp: 'soon' }), /its expirationTimestamp "soon" is no time$/],
  ] as const) {
    it(`that print ${what} are refused`, async () => {
      prints(text);
      await fails(open()(), words);
    });
  }
});
