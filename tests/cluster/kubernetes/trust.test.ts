import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ApiError } from '../../../src/cluster/api-client.ts';
import type { Endpoint } from '../../../src/cluster/kubernetes/connection.ts';
import { ManualClock } from '../../agent/clock.ts';
import { Authority } from './certificates.ts';
import { answer, ScriptedServer } from './scripted-server.ts';
import { makeSetting, ROUTES, received, route, type Setting } from './setting.ts';

describe('trust', () => {
  let setting: Setting;
  let other: Authority;
  let folder: string;
  const servers: { close(): unknown }[] = [];

  before(async () => {
    setting = await makeSetting();
    setting.server.script = (stream) => answer(stream, 200, route('a'));
    other = await Authority.make('other');
    folder = mkdtempSync(join(tmpdir(), 'fairlead-trust-'));
  });
  after(async () => {
    await setting.close();
    for (const server of servers) await server.close();
    other.delete();
    rmSync(folder, { recursive: true, force: true });
  });

  const portOf = async (server: Server): Promise<number> => {
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    return address !== null && typeof address === 'object' ? address.port : assert.fail();
  };
  const get = (endpoint: Partial<Endpoint>) => setting.client({ endpoint }).get(ROUTES, { name: 'a' });
  const fails = (endpoint: Partial<Endpoint>, words: RegExp) =>
    assert.rejects(get(endpoint), (error) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.reason, 'Unreachable');
      assert.match(error.message, words);
      return true;
    });

  it('is refused to a server that another authority signed', async () => {
    await fails(
      { certificateAuthority: { text: other.certificate } },
      /^cannot get staticroutes a: the certificate of https:\S+ is not signed by the CA in context "test" of \/kubeconfig .*: put the CA of that cluster there$/,
    );
  });

  it('is refused to a server of which this machine knows no authority', async () => {
    const client = setting.client({ endpoint: {} });
    await client.close();
    const endpoint = { server: setting.server.url, origin: 'here' };
    const { openKubernetes } = await import('../../../src/cluster/kubernetes/client.ts');
    const bare = openKubernetes({ endpoint, user: {} }, { version: '1', role: 'test' });
    await assert.rejects(bare.get(ROUTES, { name: 'a' }), /is not signed by the CA in here/);
    await bare.close();
  });

  it('is refused to a server that has another name', async () => {
    await fails(
      { serverName: 'kubernetes.example' },
      /is for other names \(.*kubernetes\.example.*\): use one of them, or tls-server-name/,
    );
  });

  it('is given to the name that the configuration says', async () => {
    assert.deepEqual(await get({ serverName: 'localhost' }), received('a'));
  });

  it('is refused to a server whose certificate has expired', async () => {
    const { authority } = setting;
    const server = await ScriptedServer.open(await authority.server('IP:127.0.0.1'));
    servers.push(server);
    server.present(await authority.client('server', -1));
    await fails({ server: server.url }, /the certificate of \S+ has expired: renew it on the API server$/);
  });

  it('is given to anyone when the configuration says so', async () => {
    assert.deepEqual(await get({ insecure: true, certificateAuthority: { text: other.certificate } }), received('a'));
  });

  it('says which file is missing', async () => {
    await fails({ certificateAuthority: { file: join(folder, 'missing') } }, /the file \S+missing cannot be read \(ENOENT/);
  });

  it('says that a CA is no certificate', async () => {
    await fails({ certificateAuthority: { text: 'nonsense' } }, /not signed by the CA|check the certificates in context "test"/);
  });

  it('follows a CA file that is replaced, for new connections, within a minute', async () => {
    const file = join(folder, 'ca.crt');
    writeFileSync(file, setting.authority.certificate);
    const server = await ScriptedServer.open(await setting.authority.server('IP:127.0.0.1'));
    servers.push(server);
    server.script = (stream) => answer(stream, 200, route('a'));
    const clock = new ManualClock();
    const client = setting.client({ clock, endpoint: { server: server.url, certificateAuthority: { file } } });
    const ask = () => client.get(ROUTES, { name: 'a' });
    await ask();
    server.present(await other.server('IP:127.0.0.1'));
    writeFileSync(file, other.certificate);
    await ask();
    assert.equal(server.accepted, 1);
    await clock.advance(29_000, async () => {});
    await clock.advance(32_000, async () => void (await ask()));
    await ask();
    assert.equal(server.accepted, 2);
    for (const session of server.sessions) session.destroy();
    writeFileSync(file, setting.authority.certificate);
    await assert.rejects(ask(), /is not signed by the CA/);
    writeFileSync(file, other.certificate);
    assert.deepEqual(await ask(), received('a'));
  });

  it('needs HTTP/2', async () => {
    const { certificate, key } = await setting.authority.server('IP:127.0.0.1');
    const port = await portOf(createHttpsServer({ cert: certificate, key }));
    await fails({ server: `https://127.0.0.1:${port}` }, /speaks no HTTP\/2: let what stands before the API server pass TLS through/);
  });

  it('needs TLS', async () => {
    const port = await portOf(createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await fails({ server: `https://127.0.0.1:${port}` }, /no TLS connection to|cannot be reached/);
  });

  it('needs a server that stays', async () => {
    const port = await portOf(createServer((socket) => socket.on('error', () => {}).destroy()));
    await fails({ server: `https://127.0.0.1:${port}` }, /cannot be reached \(.+\): check the network between here and there/);
  });

  it('needs a name that can be resolved', async () => {
    // Too long for a name, so that nobody is asked about it.
    const host = `${'x'.repeat(64)}.invalid`;
    await fails({ server: `https://${host}:6443` }, /the name x+\.invalid of the API server cannot be resolved \(E/);
  });
});
