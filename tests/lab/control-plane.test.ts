import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program } from '../../tools/programs/programs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { ApiRefused } from './kubernetes/api.ts';
import { createEndpointSlice, createNode, createServiceAccount, createToken, podToken } from './kubernetes/objects.ts';
import { Lab } from './lab.ts';
import { Running } from './process.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string) => ({ metadata: { name }, data: { a: '1' } });

describe('a control plane on loopback', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane.stop());

  test('is the locked version, for a client and for kubectl', async () => {
    const { gitVersion } = await plane.api.get<{ readonly gitVersion: string }>('/version');
    assert.match(gitVersion, /^v1\.36\./);
    assert.match(await plane.kubectl(['version']), new RegExp(`Server Version: ${gitVersion}`));
  });

  test('keeps kubectl away from the home folder', async () => {
    await plane.kubectl(['get', 'namespaces']);
    assert.ok(existsSync(join(plane.folder, '.kube', 'cache')));
  });

  test('gives a pod a token that names its node', async () => {
    const node = await createNode(plane.api, 'n1', { addresses: ['10.0.0.1', 'fd00::1'] });
    assert.match(JSON.stringify(node.status), /"address":"fd00::1"/);
    await createServiceAccount(plane.api, 'default', 'agent');
    const kubeconfig = plane.kubeconfigFor({ token: await podToken(plane.api, 'default', 'agent', 'n1') });
    const who = JSON.parse(await plane.kubectl(['auth', 'whoami', '-o', 'json'], '', kubeconfig));
    assert.equal(who.status.userInfo.username, 'system:serviceaccount:default:agent');
    assert.deepEqual(who.status.userInfo.extra['authentication.kubernetes.io/node-name'], ['n1']);
  });

  test('lets users do what RBAC gives them, and nodes only their own', async () => {
    await createNode(plane.api, 'mine');
    await createNode(plane.api, 'other');
    const nobody = plane.apiAs({ name: 'nobody' });
    await assert.rejects(nobody.get(CONFIG_MAPS), (error) => error instanceof ApiRefused && error.code === 403);
    const kubelet = plane.apiAs({ name: 'system:node:mine', groups: ['system:nodes'] });
    await kubelet.patch('/api/v1/nodes/mine/status', { status: {} });
    await assert.rejects(kubelet.patch('/api/v1/nodes/other/status', { status: {} }), /403 Forbidden.*not allowed to modify/);
  });

  test('takes endpoints of both families', async () => {
    const slice = await createEndpointSlice(plane.api, 'default', 'web', [{ addresses: ['fd00::5'], node: 'n1' }]);
    assert.equal(slice.metadata.name, 'web-ipv6');
  });

  test('counts requests by who, what and how', async () => {
    const writer = plane.apiAs({ name: 'writer', groups: ['system:masters'] });
    await writer.post(CONFIG_MAPS, configMap('counted'));
    for (const value of ['2', '3']) await writer.patch(`${CONFIG_MAPS}/counted`, { data: { a: value } });
    await writer.get(`${CONFIG_MAPS}/counted`);
    await writer.delete(`${CONFIG_MAPS}/counted`);
    const writes = await plane.writes({ user: 'writer', resource: 'configmaps', name: 'counted' });
    assert.deepEqual(
      writes.map(({ verb, code }) => `${verb} ${code}`),
      ['create 201', 'patch 200', 'patch 200', 'delete 200'],
    );
    assert.equal((await plane.audit({ user: 'writer', verb: 'get' })).length, 1);
  });

  test('writes what a pod would find', async () => {
    await createServiceAccount(plane.api, 'default', 'app');
    const token = await createToken(plane.api, { namespace: 'default', serviceAccount: 'app' });
    const folder = plane.serviceAccountFolder('default', token);
    assert.deepEqual(readdirSync(folder).sort(), ['ca.crt', 'namespace', 'token']);
    assert.equal(readFileSync(plane.authorityFile, 'utf8'), readFileSync(join(folder, 'ca.crt'), 'utf8'));
  });
});

describe('faults of a control plane', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane.stop());

  test('the API server dies alone and comes back where it was, with its objects', async () => {
    await plane.api.post(CONFIG_MAPS, configMap('kept'));
    await plane.stopApiServer();
    await assert.rejects(plane.api.get(CONFIG_MAPS), /ECONNREFUSED|ECONNRESET|socket hang up/);
    await plane.startApiServer();
    assert.equal((await plane.api.get(`${CONFIG_MAPS}/kept`)).metadata.name, 'kept');
  });

  test('after a compaction and a restart old pages and old watches are gone', async () => {
    for (const name of ['one', 'two']) await plane.api.post(CONFIG_MAPS, configMap(name));
    const page = await plane.api.get<Page>(`${CONFIG_MAPS}?limit=1`);
    await plane.api.post(CONFIG_MAPS, configMap('three'));
    await plane.compact();
    await plane.restart();
    assert.match(await refusalOf(`${CONFIG_MAPS}?limit=1&continue=${page.metadata.continue}`), /410 Expired/);
    const watch = `${CONFIG_MAPS}?watch=true&timeoutSeconds=5&resourceVersion=${page.metadata.resourceVersion}`;
    assert.match(await refusalOf(watch), /"code":410/);
  });

  /** A watch says it inside an answer that began well. */
  const refusalOf = (path: string) => plane.api.raw('GET', path).catch(String);
});

interface Page {
  readonly metadata: { readonly continue: string; readonly resourceVersion: string };
}

test('a control plane in a network namespace serves its neighbours, the test and kubectl', async () => {
  const ends = { 'api:eth0': ['10.9.0.1/24', 'fd00:9::1/64'], 'node:eth0': ['10.9.0.2/24', 'fd00:9::2/64'] } as const;
  await using lab = await Lab.create({ hosts: { api: {}, node: {} }, links: [{ name: 'lan', ends }] });
  const place = { host: lab.host('api'), address: '10.9.0.1' };
  await using plane = await startControlPlane({ place, hosts: ['fd00:9::1'], controllerManager: true });
  const endpoints = await plane.api.until<{ readonly subsets?: unknown }>(
    '/api/v1/namespaces/default/endpoints/kubernetes',
    ({ subsets }) => !!subsets,
  );
  assert.match(JSON.stringify(endpoints.subsets), /"ip":"10\.9\.0\.1"/);
  assert.match(await plane.kubectl(['get', 'serviceaccounts']), /default/);
  for (const address of ['10.9.0.1', '[fd00:9::1]']) {
    const words = [program('kubectl'), `--kubeconfig=${plane.kubeconfig}`, `--server=https://${address}:6443`, 'get', '--raw=/readyz'];
    assert.equal(await lab.host('node').check('env', `HOME=${plane.folder}`, ...words), 'ok');
  }
  await plane.compact();
});

test('nothing is left of a control plane whose test was killed', async () => {
  const orphan = new Running(process.execPath, [join(import.meta.dirname, 'tools', 'orphan-control-plane.ts')]);
  await orphan.printed(/\n/);
  const { folder, pids } = JSON.parse(orphan.stdout) as { readonly folder: string; readonly pids: readonly number[] };
  assert.equal(pids.length, 2);
  orphan.kill('SIGKILL');
  await orphan.ended;
  const alive = () => pids.filter((pid) => existsSync(`/proc/${pid}/exe`));
  while (alive().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await using _next = await Lab.create({ hosts: {}, links: [] });
  assert.equal(existsSync(folder), false);
});
