import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../src/cli/command.ts';
import { Address } from '../../src/core/ip/address.ts';
import { until } from '../e2e/support.ts';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { FAIRLEAD } from '../lab/agent.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import type { ApiObject } from '../lab/kubernetes/api.ts';
import { createNamespace, createNode } from '../lab/kubernetes/objects.ts';
import { type Result, Running } from '../lab/process.ts';
import { recordsOf } from './ipam-bench.ts';

const NAMESPACE = 'fairlead-system';
const OVERLAY_IPS = '/apis/fairlead.dev/v1alpha1/nodeoverlayips';
const POLL_MS = 200;

type Overlay = ApiObject & { readonly metadata: { readonly deletionTimestamp?: string } };

interface Line {
  readonly address: string;
  readonly node: string;
  readonly zone?: string;
  readonly state: string;
  readonly record?: string;
}

/** What the overlay IP controller left. */
const olderManifests = (url: string): string => `apiVersion: v1
kind: ConfigMap
metadata: {name: overlay-ip-controller-config}
data:
  overlay-ip-config.yaml: |
    phpIPAM: {url: ${url}, appID: iks, subnetMap: {dal10: [7]}}
---
apiVersion: iks.ibm.com/v1alpha1
kind: NodeOverlayIp
metadata: {name: n1}
status: {gateway: 192.168.100.1, ipAddr: 192.168.100.4/24}
`;

/** From the older system to an uninstalled Fairlead: a real API server and controller, a phpIPAM, and agents by hand. */
describe('overlay addresses of a real cluster', () => {
  let plane: ControlPlane;
  let ipam: FakePhpIpam;
  let folder: string;
  let controller: Running;
  const agents = new AbortController();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fairlead-overlay-'));
    ipam = await FakePhpIpam.open();
    ipam.database.apps.set('iks', { security: 'none', permission: 2 });
    ipam.database.addSubnet(7, '192.168.100.0/24', { gateway: '192.168.100.1' });
    // As the older controller recorded it.
    ipam.database.insert({ subnetId: 7, ip: Address.parse('192.168.100.4'), owner: 'n1' });
    plane = await startControlPlane();
    await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    for (const plural of ['staticroutes', 'nodereports', 'overlaypools', 'nodeoverlayips'])
      await plane.api.until(`/apis/fairlead.dev/v1alpha1/${plural}`, () => true);
    await createNamespace(plane.api, NAMESPACE);
    const credentials = ['--from-literal=username=fairlead', '--from-literal=password=secret'];
    await plane.kubectl(['create', 'secret', 'generic', 'phpipam-secret', '-n', NAMESPACE, ...credentials]);
    for (const name of ['n1', 'n2']) await createNode(plane.api, name, { labels: { 'topology.kubernetes.io/zone': 'dal10' } });
    controller = fairlead('controller', '--namespace', NAMESPACE);
    answerForAgents().catch((error: unknown) => assert.fail(String(error)));
  });
  after(async () => {
    agents.abort();
    controller?.kill();
    await controller?.ended;
    await plane?.stop();
    await ipam?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function fairlead(command: string, ...args: readonly string[]): Running {
    return new Running(FAIRLEAD, [command, ...args, '--kubeconfig', plane.kubeconfig]);
  }

  function run(command: string, ...args: readonly string[]): Promise<Result> {
    return fairlead(command, ...args).ended;
  }

  /** What the agents of both nodes would say: in place, or removed. */
  async function answerForAgents(): Promise<void> {
    while (!agents.signal.aborted) {
      for (const object of await overlayIPs()) await answer(object);
      await sleep(POLL_MS);
    }
  }

  async function answer({ metadata }: Overlay): Promise<void> {
    const removed = metadata.deletionTimestamp !== undefined;
    const [status, reason] = removed ? ['False', 'Removed'] : ['True', 'InPlace'];
    const condition = {
      type: 'DeviceReady',
      status,
      reason,
      message: '',
      lastTransitionTime: '2027-01-01T00:00:00Z',
      observedGeneration: metadata.generation,
    };
    const applied = {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'NodeOverlayIP',
      metadata: { name: metadata.name, uid: metadata.uid },
      status: { conditions: [condition] },
    };
    writeFileSync(join(folder, 'answer.json'), JSON.stringify(applied));
    const args = [
      'apply',
      '--server-side',
      '--subresource=status',
      '--field-manager=fairlead-agent',
      '--force-conflicts',
      '-f',
      join(folder, 'answer.json'),
    ];
    // It may have gone in this moment.
    await plane.kubectl(args).catch(() => undefined);
  }

  const overlayIPs = async (): Promise<readonly Overlay[]> =>
    (await plane.api.get<{ readonly items: readonly Overlay[] }>(OVERLAY_IPS)).items;

  const records = (): readonly string[] => recordsOf(ipam);

  /** As `ipam list` shows them. */
  async function listed(): Promise<readonly Line[]> {
    const { stdout, stderr, code } = await run('ipam', 'list', '-o', 'json');
    assert.equal(code, EXIT.ok, stderr);
    return JSON.parse(stdout).addresses;
  }

  async function untilGranted(): Promise<void> {
    const granted = async (): Promise<boolean> => {
      const lines = await listed();
      return lines.length === 2 && lines.every(({ state }) => state === 'granted');
    };
    await until(granted, () => controller.stdout);
  }

  it('are taken over from the older controller, unchanged', async () => {
    const file = join(folder, 'older.yaml');
    writeFileSync(file, olderManifests(ipam.url));
    const migrated = await new Running(FAIRLEAD, ['migrate', file]).ended;
    assert.equal(migrated.code, EXIT.ok, migrated.stderr);
    await plane.kubectl(['apply', '-f', '-'], migrated.stdout);
    await untilGranted();
    assert.deepEqual(
      (await listed()).map(({ address, node, zone }) => `${address} ${node} ${zone}`),
      ['192.168.100.2 n2 dal10', '192.168.100.4 n1 dal10'],
    );
    assert.deepEqual(records(), ['192.168.100.2 n2.default', '192.168.100.4 n1.default']);
  });

  it('agree in all that is recorded of them', async () => {
    const { stdout, stderr, code } = await run('ipam', 'check');
    assert.deepEqual([code, stdout, stderr], [EXIT.ok, '2 addresses, 0 differences\n', '']);
  });

  it('are mended where they do not agree: the controller gives back what the command has entered', async () => {
    const [own] = ipam.database.find(7, Address.parse('192.168.100.4'));
    assert.ok(own);
    ipam.database.insert({ subnetId: 7, ip: Address.parse('192.168.100.9'), owner: own.owner, hostname: 'n2.default' });
    const { code, stdout } = await run('ipam', 'check');
    assert.equal(code, EXIT.found, stdout);
    assert.match(stdout, /^default 192\.168\.100\.9: phpIPAM has recorded it for node n2 \(record \d+\), .*--repair" does it$/m);
    const repaired = await run('ipam', 'check', '--repair');
    assert.equal(repaired.code, EXIT.ok, repaired.stdout);
    assert.match(
      repaired.stdout,
      /: entered into the ledger as one that the controller gives back\n2 addresses, 1 difference, 1 repaired\n$/,
    );
    await until(
      () => records().length === 2,
      () => controller.stdout,
    );
    await until(
      async () => (await listed()).length === 2,
      () => controller.stdout,
    );
    assert.deepEqual(records(), ['192.168.100.2 n2.default', '192.168.100.4 n1.default']);
  });

  it('are given back when the cluster is cleaned up', async () => {
    const { code, stdout, stderr } = await run('cleanup', '--cluster', '--wait', '60');
    assert.equal(code, EXIT.ok, `${stderr}${controller.stdout}`);
    assert.equal(stdout, '- overlaypools default\nthe cluster is clean: 1 resource deleted\n');
    assert.deepEqual([records(), await overlayIPs()], [[], []]);
  });

  it('are let go of with --force while phpIPAM is away, and all that stays is said', async () => {
    const older = await new Running(FAIRLEAD, ['migrate', join(folder, 'older.yaml')]).ended;
    ipam.database.insert({ subnetId: 7, ip: Address.parse('192.168.100.4'), owner: 'n1' });
    await plane.kubectl(['apply', '-f', '-'], older.stdout);
    await untilGranted();
    const lines = await listed();
    ipam.database.down = true;
    const { code, stderr } = await run('cleanup', '--cluster', '--wait', '3', '--force');
    assert.equal(code, EXIT.failed);
    for (const { address, node, record } of lines) {
      const place = `(record ${record}, subnet 192.168.100.0/24)`;
      assert.ok(
        stderr.includes(`left behind: ${address} of node ${node} may still be recorded at ${ipam.url} ${place}: delete the record there\n`),
        stderr,
      );
    }
    assert.deepEqual(await overlayIPs(), []);
    const { code: again } = await run('cleanup', '--cluster', '--wait', '0');
    assert.equal(again, EXIT.ok, 'nothing of it is left in the cluster');
  });
});
