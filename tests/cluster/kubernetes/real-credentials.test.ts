import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ApiClient, ApiError, isNotFound } from '../../../src/cluster/api-client.ts';
import { CONFIG_MAPS } from '../../../src/cluster/contract/api-widgets.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../../src/cluster/kubernetes/config.ts';
import { inClusterConfig } from '../../../src/cluster/kubernetes/in-cluster.ts';
import { type ControlPlane, startControlPlane } from '../../lab/control-plane.ts';
import { createNamespace, createServiceAccount, createToken } from '../../lab/kubernetes/objects.ts';
import { NODES } from './setting.ts';

describe('a real API server', () => {
  let plane: ControlPlane;
  const clients: ApiClient[] = [];

  before(async () => {
    plane = await startControlPlane();
    await createNamespace(plane.api, 'system');
    await createServiceAccount(plane.api, 'system', 'agent');
    const binding = ['--clusterrole=reader', '--serviceaccount=system:agent'];
    await plane.kubectl(['create', 'clusterrole', 'reader', '--verb=get,list,watch', '--resource=configmaps']);
    await plane.kubectl(['create', 'clusterrolebinding', 'agent', ...binding]);
  });
  after(async () => {
    for (const client of clients) await client.close();
    await plane.stop();
  });

  const token = (seconds?: number): Promise<string> =>
    createToken(plane.api, { namespace: 'system', serviceAccount: 'agent', ...(seconds !== undefined && { seconds }) });

  /** A client as in a pod, and the folder of its service account. */
  const inPod = async () => {
    const folder = await plane.serviceAccountFolder('system', await token());
    const config = inClusterConfig({ KUBERNETES_SERVICE_HOST: plane.address, KUBERNETES_SERVICE_PORT: String(plane.port) }, folder);
    assert.ok(config);
    const client = openKubernetes(config, { version: '1', role: 'agent' });
    clients.push(client);
    return { client, folder };
  };

  it('lets a pod in, and says what it may not do', async () => {
    const { client } = await inPod();
    assert.deepEqual((await client.list(CONFIG_MAPS, { namespace: 'system' })).items, []);
    await assert.rejects(client.list(NODES), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.reason], [403, 'Forbidden']);
      assert.match(
        error.message,
        /^cannot list nodes: https:\S+ answers 403 Forbidden: nodes is forbidden: User "system:serviceaccount:system:agent" cannot list/,
      );
      return true;
    });
    await assert.rejects(client.get(CONFIG_MAPS, { namespace: 'system', name: 'x' }), isNotFound);
  });

  it('takes a token that replaces one which is not valid', async () => {
    const { client, folder } = await inPod();
    writeFileSync(join(folder, 'token'), `${await token()}x`);
    await assert.rejects(client.list(CONFIG_MAPS, { namespace: 'system' }), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.reason], [401, 'Unauthorized']);
      assert.match(error.message, /the credentials in the service account of this pod \(\S+\) have expired or were revoked: renew them$/);
      return true;
    });
    writeFileSync(join(folder, 'token'), await token());
    assert.deepEqual((await client.list(CONFIG_MAPS, { namespace: 'system' })).items, []);
  });

  it('takes the client certificate of a kubeconfig', async () => {
    const kubeconfig = plane.kubeconfigFor({ name: 'alice', groups: ['system:masters'] });
    const client = openKubernetes(await kubernetesConfig({ kubeconfig: await kubeconfig, env: {} }), { version: '1', role: 'cli' });
    clients.push(client);
    assert.deepEqual((await client.list(NODES)).items, []);
    const [last] = (await plane.audit({ user: 'alice' })).slice(-1);
    assert.equal(last?.verb, 'list');
  });

  it('is used again as soon as it is back', async () => {
    const { client } = await inPod();
    const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace: 'system' });
    const watch = client.watch(CONFIG_MAPS, { namespace: 'system', resourceVersion })[Symbol.asyncIterator]();
    await watch.next();
    const broken = assert.rejects(watch.next(), (error) => error instanceof ApiError && error.status === 0);
    await plane.stopApiServer('SIGKILL');
    await broken;
    await assert.rejects(client.list(CONFIG_MAPS, { namespace: 'system' }), /nothing listens at/);
    await plane.startApiServer();
    assert.deepEqual((await client.list(CONFIG_MAPS, { namespace: 'system' })).items, []);
  });
});
