import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../../src/cluster/api-client.ts';
import type { User } from '../../../src/cluster/kubernetes/credentials.ts';
import { ManualClock } from '../../agent/clock.ts';
import { Running } from '../../lab/process.ts';
import type { Identity } from './certificates.ts';
import { answer, ScriptedServer } from './scripted-server.ts';
import { makeSetting, ROUTES, received, route, type Setting } from './setting.ts';

const REFUSAL = { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'Unauthorized' };

describe('credentials', () => {
  let setting: Setting;
  let folder: string;
  let tokenFile: string;
  /** The only token that the server takes. */
  let valid: string;

  before(async () => {
    setting = await makeSetting();
    folder = mkdtempSync(join(tmpdir(), 'fairlead-credentials-'));
    tokenFile = join(folder, 'token');
  });
  after(async () => {
    await setting.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    const { server } = setting;
    server.received.length = 0;
    valid = 'one';
    writeFileSync(tokenFile, 'one\n');
    server.script = (stream, { headers, path }) => {
      if (headers['authorization'] !== `Bearer ${valid}`) answer(stream, 401, REFUSAL);
      else if (path.includes('watch=true')) stream.respond({ ':status': 200 });
      else answer(stream, 200, route('a'));
    };
  });
  const open = (user: User, clock = new ManualClock()) => {
    const client = setting.client({ user, clock });
    return { client, clock, ask: () => client.get(ROUTES, { name: 'a' }) };
  };

  it('read a token file, at most once a minute', async () => {
    const { ask, clock } = open({ token: { file: tokenFile } });
    await ask();
    writeFileSync(tokenFile, 'two');
    await ask();
    await clock.advance(60_000, async () => {});
    valid = 'two';
    await ask();
    assert.deepEqual(
      setting.server.received.map(({ headers }) => headers['authorization']),
      ['Bearer one', 'Bearer one', 'Bearer two'],
    );
  });

  it('read it at once when the server refuses the token', async () => {
    const { ask } = open({ token: { file: tokenFile } });
    await ask();
    const { accepted } = setting.server;
    valid = 'two';
    writeFileSync(tokenFile, 'two');
    assert.deepEqual(await ask(), received('a'));
    assert.equal(setting.server.received.length, 3);
    assert.equal(setting.server.accepted, accepted, 'on the same connection');
  });

  it('read it at once when the server refuses a watch', async () => {
    const { client, ask } = open({ token: { file: tokenFile } });
    await ask();
    valid = 'two';
    writeFileSync(tokenFile, 'two');
    const watch = client.watch(ROUTES, { resourceVersion: '1' })[Symbol.asyncIterator]();
    assert.deepEqual(await watch.next(), { done: false, value: [] });
    await watch.return?.();
  });

  it('ask only once with a token that is not replaced, and say what to do', async () => {
    const { ask } = open({ token: { file: tokenFile } });
    valid = 'two';
    await assert.rejects(ask(), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.reason], [401, 'Unauthorized']);
      assert.match(
        error.message,
        /401 Unauthorized: Unauthorized; the credentials in context "test" of \/kubeconfig have expired or were revoked/,
      );
      return true;
    });
    assert.equal(setting.server.received.length, 1);
  });

  it('keep a token whose file is gone or empty for a moment', async () => {
    const { ask, clock } = open({ token: { file: tokenFile } });
    await ask();
    rmSync(tokenFile);
    await clock.advance(60_000, async () => {});
    await ask();
    writeFileSync(tokenFile, '');
    await clock.advance(60_000, async () => {});
    assert.deepEqual(await ask(), received('a'));
  });

  it('name a token file that was never there, and take it once it is', async () => {
    rmSync(tokenFile);
    const { ask } = open({ token: { file: tokenFile } });
    await assert.rejects(
      ask(),
      (error) => error instanceof ApiError && error.message.includes(`the file ${tokenFile} cannot be read (ENOENT`),
    );
    writeFileSync(tokenFile, 'one');
    assert.deepEqual(await ask(), received('a'));
  });

  it('refuse a token that no header can carry', async () => {
    const { ask } = open({ token: { text: 'one\ntwo' } });
    await assert.rejects(
      ask(),
      (error) => error instanceof ApiError && /the token in context "test" .* holds spaces or control/.test(error.message),
    );
  });

  it('go without a token', async () => {
    const { ask } = open({});
    await assert.rejects(ask(), { status: 401 });
    assert.equal(setting.server.received[0]?.headers['authorization'], undefined);
  });
});

describe('client certificates', () => {
  let setting: Setting;
  let server: ScriptedServer;
  let folder: string;
  /** Who asked. */
  const names: string[] = [];

  /** Answers 401 to certificates that it does not trust, as an API server does. */
  const listen = async (): Promise<ScriptedServer> => {
    const { authority } = setting;
    const own = await authority.server('IP:127.0.0.1');
    const made = await ScriptedServer.open(own, { ca: authority.certificate, requestCert: true, rejectUnauthorized: false });
    made.script = (stream) => {
      const socket = stream.session?.socket as TLSSocket;
      names.push(String(socket.getPeerCertificate().subject.CN));
      if (socket.authorized) answer(stream, 200, route('a'));
      else answer(stream, 401, REFUSAL);
    };
    return made;
  };

  before(async () => {
    setting = await makeSetting();
    server = await listen();
    folder = mkdtempSync(join(tmpdir(), 'fairlead-certificates-'));
  });
  after(async () => {
    await setting.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    names.length = 0;
  });
  const inText = ({ certificate, key }: Identity): User => ({ certificate: { certificate: { text: certificate }, key: { text: key } } });
  const open = (user: User, clock?: ManualClock, url = server.url) => {
    const client = setting.client({ user, ...(clock && { clock }), endpoint: { server: url } });
    return () => client.get(ROUTES, { name: 'a' });
  };

  it('are presented', async () => {
    await open(inText(await setting.authority.client('alice')))();
    assert.deepEqual(names, ['alice']);
  });

  it('that have expired are named as the cause', async () => {
    const ask = open(inText(await setting.authority.client('alice', -1)));
    await assert.rejects(
      ask(),
      /401 Unauthorized: Unauthorized; the client certificate in context "test" of \/kubeconfig expired at 20\d\d-.*: renew it$/,
    );
  });

  it('that are refused in the handshake are named as the cause', async () => {
    const { authority } = setting;
    const { certificate, key } = await authority.server('IP:127.0.0.1');
    const at = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const files = ['-cert', at('s.crt', certificate), '-key', at('s.key', key), '-CAfile', at('ca.crt', authority.certificate)];
    const strict = ['-Verify', '1', '-verify_return_error', '-alpn', 'h2'];
    const proxy = new Running('openssl', ['s_server', '-accept', '127.0.0.1:0', ...files, ...strict]);
    try {
      await proxy.printed(/ACCEPT 127\.0\.0\.1:\d+/);
      const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(proxy.stdout)?.[1];
      const ask = open(inText(await authority.client('alice', -1)), undefined, `https://127.0.0.1:${port}`);
      await assert.rejects(ask(), /refuses the TLS handshake \(ERR_SSL\S*EXPIRED\): check the client certificate in context "test"/);
    } finally {
      proxy.kill();
      await proxy.ended;
    }
  });

  it('that do not belong to their key are named as the cause', async () => {
    const alice = await setting.authority.client('alice');
    const bob = await setting.authority.client('bob');
    await assert.rejects(
      open(inText({ certificate: alice.certificate, key: bob.key }))(),
      /no TLS connection to .*key values mismatch.*check the certificates/,
    );
  });

  it('in files are followed: a new one is a new connection', async () => {
    const clock = new ManualClock();
    const files = { certificate: { file: join(folder, 'crt') }, key: { file: join(folder, 'key') } };
    const write = ({ certificate, key }: Identity): void => {
      writeFileSync(files.certificate.file, certificate);
      writeFileSync(files.key.file, key);
    };
    write(await setting.authority.client('alice'));
    const before = server.accepted;
    const ask = open({ certificate: files }, clock);
    await ask();
    write(await setting.authority.client('bob'));
    await ask();
    await clock.advance(60_000, async () => {});
    await ask();
    assert.deepEqual(names, ['alice', 'alice', 'bob']);
    assert.equal(server.accepted - before, 2);
  });
});
