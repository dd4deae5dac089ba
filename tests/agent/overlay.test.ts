import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlayReports } from '../../src/agent/overlay-reports.ts';
import { linkNamed } from '../../src/core/facts.ts';
import { KernelUnavailable } from '../../src/kernel/kernel.ts';
import { type Stage, scenario } from './stage.ts';

const API = { apiVersion: 'fairlead.dev/v1alpha1' };
const ADDRESS = '192.168.100.4';
const HOLDER = '02:00:00:00:00:07';
const ON_TMP0 = `address ${ADDRESS}/24 dev tmp0`;

function putPool(stage: Stage, parent: object = { toward: '10.0.0.0/8' }): void {
  const ranges = [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }];
  stage.world.put({
    ...API,
    kind: 'OverlayPool',
    metadata: { name: 'default' },
    spec: { ipam: { cluster: { ranges } }, interface: { parent } },
  });
}

interface Grant {
  readonly granted?: boolean;
  readonly deleting?: boolean;
}

/** As the API server has it, so the controller must have granted it. */
function putAddress(stage: Stage, { granted = true, deleting = false }: Grant = {}): void {
  const metadata = { name: 'n1.default', uid: 'u1', generation: 1, ...(deleting && { deletionTimestamp: '2027-01-01T00:00:00Z' }) };
  const conditions = [{ type: 'Ready', status: granted ? 'True' : 'False' }];
  const status = { addresses: [{ address: `${ADDRESS}/24`, gateway: '192.168.100.1' }], conditions };
  stage.world.put({ ...API, kind: 'NodeOverlayIP', metadata, spec: { node: 'n1', pool: 'default', addresses: [`${ADDRESS}/24`] }, status });
}

async function withAddress(stage: Stage): Promise<void> {
  putPool(stage);
  putAddress(stage);
  stage.put('on-prem', { subnets: ['192.168.50.0/24'], via: { overlay: { pool: 'default' } } });
  await stage.start();
}

async function addressesOn(stage: Stage, device: string): Promise<readonly string[]> {
  const { facts } = await stage.kernel.observe();
  return facts.addresses.filter((held) => held.device.name === device).map(({ address }) => address.text);
}

describe('an overlay address', () => {
  it(
    'is there with its device and routes after the probe, and told once',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
      assert.equal(stage.verdicts(), 'n1.default: ready, on-prem: ready');
      assert.equal(stage.resource('n1.default').message, '192.168.100.4/24 on tmp0');
      assert.deepEqual(stage.kernel.ours(), ['192.168.50.0/24 via 192.168.100.1 dev tmp0 proto 201 src 192.168.100.4 metric 4201']);
      assert.deepEqual(stage.report.status.drift, []);
    }),
  );

  it(
    'that somebody has is not used, and asked for again every 30 seconds',
    scenario(async (stage) => {
      stage.kernel.holders.set(ADDRESS, HOLDER);
      await withAddress(stage);
      await stage.advance(2_000);
      assert.equal(stage.resource('n1.default').reason, 'AddressInUse');
      assert.match(stage.resource('n1.default').message, /^02:00:00:00:00:07 answers for 192\.168\.100\.4 on eth1 of node n1, so/);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), []);
      stage.kernel.holders.delete(ADDRESS);
      await stage.advance(25_000);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), []);
      await stage.advance(10_000);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
    }),
  );

  it(
    'that nobody can be asked about makes one round a second, however much else happens',
    scenario(async (stage) => {
      stage.kernel.probe = () => Promise.reject(new KernelUnavailable('it cannot be asked'));
      await withAddress(stage);
      await stage.advance(3_000);
      for (let i = 0; i < 40; i++) {
        stage.kernel.addLink(`veth${i}`);
        await stage.settle();
        await stage.advance(17);
      }
      await stage.advance(60_000);
      const before = stage.kernel.rounds;
      await stage.advance(10_000);
      const rounds = stage.kernel.rounds - before;
      assert.ok(rounds >= 10 && rounds <= 12, `${rounds} rounds in 10 seconds`);
    }),
  );

  it(
    'comes back at once with a device that was deleted: nobody is asked again',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      // Would be found by a probe.
      stage.kernel.holders.set(ADDRESS, HOLDER);
      stage.kernel.removeLink('tmp0');
      await stage.settle();
      await stage.settle();
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
      const [drift] = stage.report.status.drift;
      assert.deepEqual([drift?.event, drift?.object], ['LinkDeleted', 'device tmp0']);
      assert.ok(drift?.restoredMicros !== undefined);
      // The route went with it: what was done was done to the device.
      assert.ok(
        stage.lines.some((line) => line.includes('LinkDeleted from outside by another process: device tmp0 and 1 more;')),
        stage.lines.join('\n'),
      );
    }),
  );

  for (const [what, disturb, event, object] of [
    ['device loses its alias', (stage: Stage) => stage.kernel.setLinkAlias('tmp0', undefined), 'LinkChanged', 'device tmp0'],
    ['device gets another alias', (stage: Stage) => stage.kernel.setLinkAlias('tmp0', 'foo'), 'LinkChanged', 'device tmp0'],
    ['device gets another MAC', (stage: Stage) => stage.kernel.setLinkMac('tmp0', '02:00:5e:00:53:77'), 'LinkChanged', 'device tmp0'],
    ['address loses its mark', (stage: Stage) => stage.kernel.rewriteAddress('tmp0', `${ADDRESS}/24`), 'AddressChanged', ON_TMP0],
  ] as const) {
    it(
      `whose ${what} is as before at once, nothing is made anew, and it is told`,
      scenario(async (stage) => {
        await withAddress(stage);
        await stage.advance(2_000);
        const before = (await stage.kernel.observe()).facts;
        stage.takeChanges();
        disturb(stage);
        stage.kernel.micros += 120;
        await stage.settle();
        const changes = stage.takeChanges();
        assert.deepEqual([changes.length, changes[0]?.startsWith(`~ ${object}`)], [1, true], changes.join());
        const { facts } = await stage.kernel.observe();
        assert.deepEqual([facts.links, facts.addresses], [before.links, before.addresses]);
        const [drift] = stage.report.status.drift;
        assert.deepEqual([drift?.event, drift?.object, drift?.restoredMicros], [event, object, 120]);
        assert.equal(stage.verdicts(), 'n1.default: ready, on-prem: ready');
      }),
    );
  }

  it(
    'is asked for anew on another network, when the pool names another parent',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.kernel.holders.set(ADDRESS, HOLDER);
      putPool(stage, { name: 'eth0' });
      await stage.advance(5_000);
      assert.equal(stage.resource('n1.default').reason, 'AddressInUse');
      assert.deepEqual(await addressesOn(stage, 'tmp0'), []);
    }),
  );

  it(
    'is asked for anew when the parent was away',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.kernel.renameLink('eth1', 'away');
      stage.kernel.deleteRoute(stage.our('10.0.0.0/8', '10.1.0.1', 0));
      await stage.settle();
      assert.equal(stage.resource('n1.default').reason, 'NoCoveringRoute');
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
    }),
  );

  it(
    'that is not granted adds nothing, and takes nothing away',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      putAddress(stage, { granted: false });
      await stage.settle();
      assert.equal(stage.resource('n1.default').reason, 'AddressNotGranted');
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
    }),
  );

  it(
    'goes with its device and routes when it is deleted, and the parent is as before',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      putAddress(stage, { deleting: true });
      await stage.settle();
      await stage.advance(15_000);
      const { facts, owned } = await stage.kernel.observe();
      assert.equal(linkNamed(facts, 'tmp0'), undefined);
      assert.equal(owned.size, 0);
      assert.deepEqual([linkNamed(facts, 'eth1')?.arpIgnore, stage.memory.entries], [0, []]);
    }),
  );

  it(
    'stays while the source is incomplete, though it is gone',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.world.setAvailable(false);
      stage.delete('on-prem');
      stage.world.delete('NodeOverlayIP', 'n1.default');
      await stage.advance(60_000);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), [ADDRESS]);
      stage.world.setAvailable(true);
      await stage.settle();
      assert.deepEqual(await addressesOn(stage, 'tmp0'), []);
    }),
  );
});

describe('what a node says of its NodeOverlayIPs', () => {
  const saidBy = async (stage: Stage) => {
    const { nodeOverlayIPs } = stage.cluster.snapshot();
    return overlayReports({ nodeOverlayIPs, facts: (await stage.kernel.observe()).facts, report: stage.report });
  };

  it(
    'in place, with its device; removed only once it is',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      const [inPlace] = await saidBy(stage);
      assert.deepEqual(inPlace?.deviceReady, { status: 'True', reason: 'InPlace', message: '192.168.100.4/24 on tmp0' });
      assert.deepEqual([inPlace.name, inPlace.uid, inPlace.device?.name, inPlace.device?.parent], ['n1.default', 'u1', 'tmp0', 'eth1']);
      stage.kernel.failNext('EBUSY');
      putAddress(stage, { deleting: true });
      await stage.settle();
      assert.equal((await saidBy(stage))[0]?.deviceReady.reason, 'Removing');
      await stage.advance(5_000);
      assert.equal((await saidBy(stage))[0]?.deviceReady.reason, 'Removed');
    }),
  );

  it(
    'not in place while an earlier address of the pool is still there',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.kernel.addAddress('tmp0', '192.168.100.9/24', { ours: true });
      const [said] = await saidBy(stage);
      assert.deepEqual([said?.deviceReady.status, said?.deviceReady.reason], ['True', 'Removing']);
      assert.match(said?.deviceReady.message ?? '', /192\.168\.100\.9 is being taken from tmp0/);
    }),
  );

  it(
    'not removed while the node has the address, whoever has put it there',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.kernel.addAddress('eth1', `${ADDRESS}/16`);
      putAddress(stage, { deleting: true });
      await stage.advance(5_000);
      assert.deepEqual(await addressesOn(stage, 'tmp0'), []);
      const [said] = await saidBy(stage);
      assert.deepEqual([said?.deviceReady.status, said?.deviceReady.reason], ['True', 'Removing']);
      assert.match(
        said?.deviceReady.message ?? '',
        /^node n1 has 192\.168\.100\.4\/16 dev eth1 from somebody else, so no other node can get it:/,
      );
      assert.match(
        said?.deviceReady.message ?? '',
        /delete it there \("ip address delete 192\.168\.100\.4\/16 dev eth1"\) when nobody needs it$/,
      );
      await stage.kernel.removeAddress('eth1', `${ADDRESS}/16`);
      await stage.settle();
      assert.equal((await saidBy(stage))[0]?.deviceReady.reason, 'Removed');
    }),
  );

  it(
    'the parent of a device that lost its alias and is not taken back is not the device itself',
    scenario(async (stage) => {
      await withAddress(stage);
      await stage.advance(2_000);
      stage.kernel.addAddress('tmp0', '10.7.7.7/24');
      stage.kernel.setLinkAlias('tmp0', 'foo');
      await stage.settle();
      const [said] = await saidBy(stage);
      assert.deepEqual([said?.deviceReady.reason, said?.device?.name, said?.device?.parent], ['Conflict', 'tmp0', 'eth1']);
      await stage.kernel.removeAddress('tmp0', '10.7.7.7/24');
      await stage.settle();
      assert.equal(stage.verdicts(), 'n1.default: ready, on-prem: ready');
    }),
  );

  it(
    'what the kernel refuses',
    scenario(async (stage) => {
      for (let i = 0; i < 40; i++) stage.kernel.failNext('EBUSY', 'Device or resource busy');
      await withAddress(stage);
      await stage.advance(2_000);
      const [said] = await saidBy(stage);
      assert.deepEqual([said?.deviceReady.status, said?.deviceReady.reason], ['False', 'KernelRefused']);
    }),
  );

  it(
    'that nobody can be asked while the parent has no carrier',
    scenario(async (stage) => {
      stage.kernel.setLinkCarrier('eth1', false);
      await withAddress(stage);
      await stage.advance(2_000);
      const [said] = await saidBy(stage);
      assert.deepEqual([said?.deviceReady.status, said?.deviceReady.reason], ['False', 'DeviceDown']);
      assert.match(said?.deviceReady.message ?? '', /^device eth1, which carries tmp0 of node n1, has no carrier/);
      stage.kernel.setLinkCarrier('eth1', true);
      await stage.advance(2_000);
      assert.equal((await saidBy(stage))[0]?.deviceReady.reason, 'InPlace');
    }),
  );

  it(
    'why the kernel cannot ask whether somebody has the address, until it can',
    scenario(async (stage) => {
      stage.kernel.probe = () =>
        Promise.reject(new KernelUnavailable('whether 192.168.100.4 is free cannot be asked on device eth1: ENOBUFS'));
      await withAddress(stage);
      await stage.advance(2_000);
      assert.deepEqual((await saidBy(stage))[0]?.deviceReady, {
        status: 'False',
        reason: 'KernelRefused',
        message: 'node n1: whether 192.168.100.4 is free cannot be asked on device eth1: ENOBUFS; it is asked again every second',
      });
      stage.kernel.probe = () => Promise.resolve({ holder: undefined });
      await stage.advance(2_000);
      assert.equal((await saidBy(stage))[0]?.deviceReady.reason, 'InPlace');
    }),
  );

  it(
    'nothing while it is under way, and nothing of another node',
    scenario(async (stage) => {
      putPool(stage);
      putAddress(stage);
      stage.kernel.holdProbes = true;
      await stage.start();
      assert.equal(stage.resource('n1.default').reason, 'OverlayPending');
      assert.deepEqual(await saidBy(stage), []);
    }),
  );
});
