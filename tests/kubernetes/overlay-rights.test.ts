import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import type { ControlPlane } from '../lab/control-plane.ts';
import type { AuditedRequest } from '../lab/kubernetes/audit.ts';
import { createNode } from '../lab/kubernetes/objects.ts';
import type { Running } from '../lab/process.ts';
import {
  accountObjects,
  type Grant,
  givesAddresses,
  grantsOf,
  mayDo,
  NAMESPACE,
  startUnder,
  startWithAccounts,
  userOf,
} from './accounts.ts';
import { ListeningAgents } from './listening-agents.ts';
import { liveThrough, type PoolOfLife } from './overlay-life.ts';

const ACCOUNT = 'fairlead-controller';
const POLL_MS = 500;
const SECRET = 'phpipam';

const CLUSTER: PoolOfLife = {
  name: 'ranges',
  ipam: { cluster: { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }] } },
  far: '192.168.100.77',
};

/** The program under the account of the chart, with the real API server, a phpIPAM, and agents by hand. */
describe('to give overlay addresses, the controller of the chart', () => {
  let plane: ControlPlane;
  let ipam: FakePhpIpam;
  let agents: ListeningAgents;
  let controller: Running;

  before(async () => {
    ipam = await FakePhpIpam.open();
    ipam.database.addSubnet(7, '192.168.101.0/24', { gateway: '192.168.101.1' });
    plane = await startWithAccounts();
    for (const plural of ['overlaypools', 'nodeoverlayips']) await plane.api.until(`/apis/fairlead.dev/v1alpha1/${plural}`, () => true);
    const credentials = ['--from-literal=username=fairlead', '--from-literal=password=secret'];
    await plane.kubectl(['create', 'secret', 'generic', SECRET, '-n', NAMESPACE, ...credentials]);
    await createNode(plane.api, 'n1');
    // By a ClusterRole, and by a Role.
    await mayDo(plane, NAMESPACE, ACCOUNT, { group: 'fairlead.dev', resource: 'nodereports', verb: 'list' });
    await mayDo(plane, NAMESPACE, ACCOUNT, { group: 'coordination.k8s.io', resource: 'leases', verb: 'create', namespace: NAMESPACE });
    agents = await ListeningAgents.open(plane);
    controller = await startUnder(plane, NAMESPACE, ACCOUNT, ['controller', '--namespace', NAMESPACE]);
  });
  after(async () => {
    controller?.kill();
    await controller?.ended;
    await agents?.close();
    await plane?.stop();
    await ipam?.close();
  });

  const external = (): PoolOfLife => ({
    name: 'external',
    ipam: { phpIPAM: { url: ipam.url, appID: 'open', subnetMap: { '*': [7] }, credentialsSecret: SECRET } },
    far: '192.168.101.77',
  });
  const requests = (): Promise<readonly AuditedRequest[]> => plane.audit({ user: userOf(NAMESPACE, ACCOUNT) });
  const denied = async (): Promise<readonly string[]> =>
    (await requests()).filter(({ code }) => [401, 403].includes(code)).map(wordsOfRequest);

  /** A life that ends at once when the controller does, or when it is denied something: what it waits for would never be. */
  async function live(pool: PoolOfLife): Promise<void> {
    const end = new AbortController();
    const trouble = async (): Promise<void> => {
      for (; !end.signal.aborted; await sleep(POLL_MS)) {
        assert.ok(controller.isRunning, controller.stderr);
        assert.deepEqual(await denied(), []);
      }
    };
    await Promise.race([trouble(), liveThrough(plane, agents, pool)]).finally(() => end.abort());
  }

  it('does all that ranges of the cluster need', () => live(CLUSTER));

  it('does all that a phpIPAM needs, and leaves no record there', async () => {
    await live(external());
    assert.ok((ipam.calls.get('POST addresses') ?? 0) >= 4, JSON.stringify([...ipam.calls]));
    assert.deepEqual(
      ipam.database.all().filter(({ is_gateway }) => is_gateway === 0),
      [],
    );
  });

  it('never gives an address twice', () => assert.deepEqual(agents.faults, []));

  it('is denied nothing', async () => assert.deepEqual(await denied(), []));

  it('has no right that it has not used', async () => {
    const used = new Set((await requests()).filter(isDone).flatMap(rightsFor));
    const rights = grantsOf(ACCOUNT, await accountObjects())
      .filter(givesAddresses)
      .map(wordsOf);
    assert.ok(rights.length >= 15, rights.join(', '));
    // Of a right that two rules give, one could be dropped.
    assert.deepEqual(
      rights.filter((right, i) => !used.has(right) || rights.indexOf(right) !== i),
      [],
    );
  });
});

const wordsOf = ({ verb, group, resource, subresource }: Pick<Grant, 'verb' | 'group' | 'resource' | 'subresource'>): string =>
  `${verb} ${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`;

const wordsOfRequest = (request: AuditedRequest): string => wordsOf({ ...request, group: request.apiGroup });

/** That there is nothing, of which it wants to be sure, is an answer, too. */
const isDone = ({ verb, code }: AuditedRequest): boolean => code < 300 || (verb === 'get' && code === 404);

/** An apply that makes the object is a patch that needs the right to create as well. */
function rightsFor(request: AuditedRequest): readonly string[] {
  const made = request.verb === 'patch' && request.code === 201;
  return [wordsOfRequest(request), ...(made ? [wordsOfRequest({ ...request, verb: 'create' })] : [])];
}
