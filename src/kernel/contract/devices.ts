import assert from 'node:assert/strict';
import { linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import { addAddress, link, made, OVERLAY_ADDRESSES, ourAddresses, overlay, planned, removeAddress, removeLink } from './device-support.ts';
import type { Cases } from './harness.ts';
import { addressesOf, adds, codes, foreignRoute, lan, listen, ownedTexts, succeed, via } from './support.ts';

/** Devices and addresses of ours: made, repaired, removed. */
export const DEVICES: Cases = {
  'a device of ours is whole at once: on its parent, up, marked, with MTU and ARP settings': async (harness) => {
    const device = await made(harness, { mtu: 1400 });
    const { facts } = await harness.reread();
    for (const seen of [device, linkNamed(facts, 'tmp0')]) {
      const { index, mac, ...rest } = seen ?? assert.fail('there is no device tmp0');
      assert.match(mac ?? '', /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
      const parent = linkNamed(facts, 'left')?.index;
      const settings = { mtu: 1400, rpFilter: 0, arpIgnore: 1, arpAnnounce: 2 };
      const identity = { name: 'tmp0', loopback: false, parent, kind: 'macvlan', mode: 'bridge', alias: 'fairlead:default' };
      assert.deepEqual({ ...rest }, { ...identity, ...settings, up: true, carrier: true });
    }
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'on a parent that is down a device waits for the carrier': async (harness) => {
    const parent = await lan(harness);
    await harness.setLinkUp('left', false);
    await succeed(harness.kernel, [{ op: 'add-link', link: planned(parent) }]);
    const { up, carrier } = await link(harness, 'tmp0');
    assert.deepEqual([up, carrier], [true, false]);
    await succeed(harness.kernel, [addAddress(await link(harness, 'tmp0'), '192.168.100.4/24')]);
    const news = listen(harness.kernel);
    let woken = news.next();
    await harness.setLinkUp('left', true);
    while (!(await link(harness, 'tmp0')).carrier) {
      await woken;
      woken = news.next();
    }
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24']);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'an address of ours, of each family, comes with its network': async (harness) => {
    const device = await overlay(harness);
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), OVERLAY_ADDRESSES);
    const { facts } = await harness.reread();
    for (const text of OVERLAY_ADDRESSES) assert.ok(addressesOf(facts, 'tmp0').includes(text));
    for (const prefix of ['192.168.100.0/24', '2001:db8:100::/64']) {
      assert.equal(foreignRoute((await harness.kernel.observe()).facts, prefix)?.spec.hops[0]?.device?.index, device.index);
    }
  },

  'an address on the device of somebody else is ours by its own mark, one on a device of ours is not': async (harness) => {
    const device = await made(harness);
    const parent = await link(harness, 'left');
    await succeed(harness.kernel, [addAddress(parent, '192.168.100.4/24')]);
    await harness.addAddress(device.name, '192.168.100.5/24');
    assert.deepEqual(await ourAddresses(harness, 'left'), ['192.168.100.4/24']);
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), []);
    assert.ok(addressesOf((await harness.kernel.observe()).facts, 'tmp0').includes('192.168.100.5/24'));
  },

  'made again, a device has the link-layer address that it had; each has its own': async (harness) => {
    const parent = await lan(harness);
    const names = ['tmp0', 'tmp1'];
    const make = async (): Promise<readonly (string | undefined)[]> => {
      await succeed(
        harness.kernel,
        names.map((name) => ({ op: 'add-link', link: planned(parent, { name }) })),
      );
      const { facts } = await harness.kernel.observe();
      return names.map((name) => linkNamed(facts, name)?.mac);
    };
    const first = await make();
    for (const name of names) await succeed(harness.kernel, [removeLink(await link(harness, name))]);
    assert.equal(linkNamed((await harness.reread()).facts, 'tmp0'), undefined);
    assert.deepEqual(await make(), first);
    assert.equal(new Set([...first, (await link(harness, 'left')).mac]).size, 3);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'changes are made in order, of whatever kind': async (harness) => {
    const device = await made(harness);
    const source = { source: Address.parse('192.168.100.4') };
    const route = via('172.16.0.0/16', '192.168.100.1', device, source);
    const other = via('172.17.0.0/16', '192.168.100.1', device);
    await succeed(harness.kernel, [
      addAddress(device, '192.168.100.4/24'),
      ...adds([route, other]),
      { op: 'add-link', link: planned({ index: device.parent ?? 0, name: 'left' }, { name: 'tmp1', pool: 'second' }) },
      { op: 'remove-route', route },
      { op: 'remove-route', route: other },
      removeAddress(device, '192.168.100.4/24'),
      addAddress(device, '192.168.100.7/24'),
      removeAddress(device, '192.168.100.7/24'),
      removeLink(device),
      { op: 'add-link', link: planned({ index: device.parent ?? 0, name: 'left' }, { mtu: 1300 }) },
    ]);
    const { facts, owned } = await harness.kernel.observe();
    assert.equal(owned.size, 0);
    assert.equal(linkNamed(facts, 'tmp0')?.mtu, 1300);
    assert.notEqual(linkNamed(facts, 'tmp0')?.index, device.index);
    assert.equal(linkNamed(facts, 'tmp1')?.alias, 'fairlead:second');
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), []);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'own devices and addresses are news, since they are facts, but no drift': async (harness) => {
    const parent = await lan(harness);
    await harness.kernel.observe();
    const news = listen(harness.kernel);
    await news.quiet();
    const steps = [
      async (): Promise<void> => succeed(harness.kernel, [{ op: 'add-link', link: planned(parent) }]),
      async (): Promise<void> => succeed(harness.kernel, [addAddress(await link(harness, 'tmp0'), '192.168.100.4/24')]),
      async (): Promise<void> => succeed(harness.kernel, [removeAddress(await link(harness, 'tmp0'), '192.168.100.4/24')]),
      async (): Promise<void> => succeed(harness.kernel, [removeLink(await link(harness, 'tmp0'))]),
    ];
    for (const step of steps) {
      const { facts } = await harness.kernel.observe();
      const before = news.count();
      await step();
      await news.quiet();
      assert.ok(news.count() > before);
      assert.notEqual((await harness.kernel.observe()).facts, facts);
      assert.deepEqual(harness.kernel.takeDrift(), []);
    }
    const { facts } = await harness.kernel.observe();
    assert.equal((await harness.kernel.observe()).facts, facts);
  },

  'a device that is removed takes its addresses and routes along: no drift': async (harness) => {
    const device = await overlay(harness);
    const elsewhere = via('172.18.0.0/16', '10.1.0.2', await link(harness, 'left'));
    await succeed(
      harness.kernel,
      adds([
        via('172.16.0.0/16', '192.168.100.1', device),
        via('2001:db8:70::/48', '2001:db8:100::1', device),
        via('172.17.0.0/16', '192.168.100.1', device, { source: Address.parse('192.168.100.4') }),
        elsewhere,
      ]),
    );
    await succeed(harness.kernel, [removeLink(device)]);
    assert.deepEqual(await ownedTexts(harness.kernel), ['172.18.0.0/16']);
    const { facts, owned } = await harness.reread();
    assert.equal(owned.size, 1);
    assert.equal(linkNamed(facts, 'tmp0'), undefined);
    assert.equal(foreignRoute((await harness.kernel.observe()).facts, '192.168.100.0/24'), undefined);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'an address that is removed takes the routes along that leave from it: no drift': async (harness) => {
    const device = await overlay(harness);
    await succeed(harness.kernel, [addAddress(device, '192.168.101.4/24')]);
    await succeed(
      harness.kernel,
      adds([
        via('172.16.0.0/16', '192.168.101.1', device),
        via('172.17.0.0/16', '192.168.101.1', device, { source: Address.parse('192.168.100.4') }),
        via('2001:db8:70::/48', '2001:db8:100::1', device),
      ]),
    );
    await succeed(harness.kernel, [removeAddress(device, '192.168.100.4/24')]);
    assert.deepEqual(await ownedTexts(harness.kernel), ['172.16.0.0/16', '2001:db8:70::/48']);
    assert.equal((await harness.reread()).owned.size, 2);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'set-link makes a device again what it should be': async (harness) => {
    const device = await overlay(harness);
    const should = planned({ index: device.parent ?? 0, name: 'left' });
    await harness.setLinkMtu('tmp0', 1300);
    await harness.setLinkUp('tmp0', false);
    await harness.setSysctl('tmp0', 'arp_ignore', 0);
    await harness.setSysctl('tmp0', 'arp_announce', 0);
    await harness.kernel.observe();
    harness.kernel.takeDrift();
    const { name, index } = device;
    await succeed(harness.kernel, [{ op: 'set-link', link: { ...should, pool: 'second' }, device: { index, name } }]);
    for (const { facts } of [await harness.kernel.observe(), await harness.reread()]) {
      assert.deepEqual({ ...linkNamed(facts, 'tmp0') }, { ...device, alias: 'fairlead:second' });
      assert.ok(addressesOf(facts, 'tmp0').includes('192.168.100.4/24'));
    }
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'set-link keeps ARP settings that are stricter': async (harness) => {
    const { index, name, parent } = await made(harness);
    await harness.setSysctl('tmp0', 'arp_ignore', 2);
    await harness.reread();
    harness.kernel.invalidate();
    await harness.kernel.observe();
    const should = planned({ index: parent ?? 0, name: 'left' }, { mtu: 1400 });
    await succeed(harness.kernel, [{ op: 'set-link', link: should, device: { index, name } }]);
    assert.deepEqual([(await link(harness, 'tmp0')).arpIgnore, (await link(harness, 'tmp0')).mtu], [2, 1400]);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'sets arp_ignore and arp_announce of a device that is not ours, and tells when somebody sets them back': async (harness) => {
    const device = await lan(harness);
    await harness.kernel.observe();
    for (const [name, field] of [
      ['arp_ignore', 'arpIgnore'],
      ['arp_announce', 'arpAnnounce'],
    ] as const) {
      await succeed(harness.kernel, [{ op: 'set-sysctl', device, name, value: 2, previous: 0, restores: false }]);
      assert.equal((await link(harness, 'left'))[field], 2);
      assert.equal(linkNamed((await harness.reread()).facts, 'left')?.[field], 2);
      assert.deepEqual(harness.kernel.takeDrift(), []);
      await harness.setSysctl('left', name, 0);
      // Nobody announces it.
      harness.kernel.invalidate();
      assert.equal((await link(harness, 'left'))[field], 0);
      const [drift, ...more] = harness.kernel.takeDrift();
      assert.deepEqual([drift?.event, drift?.sysctl, more.length], ['SysctlChanged', { device, name }, 0]);
      await succeed(harness.kernel, [{ op: 'set-sysctl', device, name, value: 1, previous: 0, restores: true }]);
      await harness.setSysctl('left', name, 0);
      harness.kernel.invalidate();
      await harness.kernel.observe();
      assert.deepEqual(harness.kernel.takeDrift(), []);
    }
  },

  'purging takes devices and addresses with our mark, and nothing else': async (harness) => {
    const device = await overlay(harness);
    const parent = await link(harness, 'left');
    await succeed(harness.kernel, [
      addAddress(parent, '192.168.77.4/24'),
      ...adds([via('172.16.0.0/16', '192.168.100.1', device), via('172.17.0.0/16', '10.1.0.2', parent)]),
    ]);
    await harness.addAddress('tmp0', '192.168.100.5/24');
    assert.deepEqual(await harness.kernel.purge(), {
      removed: [
        '172.16.0.0/16 via 192.168.100.1 dev tmp0 proto 201 metric 4201',
        '172.17.0.0/16 via 10.1.0.2 dev left proto 201 metric 4201',
        'address 192.168.77.4/24 dev left',
        'address 192.168.100.4/24 dev tmp0',
        'address 2001:db8:100::4/64 dev tmp0',
        'device tmp0 alias fairlead:default',
      ],
      left: [],
    });
    const { facts, owned } = await harness.kernel.observe();
    assert.deepEqual([linkNamed(facts, 'tmp0'), owned.size], [undefined, 0]);
    assert.deepEqual(addressesOf(facts, 'left'), ['10.1.0.1/24', '10.1.0.9/24', '2001:db8:1::1/64']);
    assert.deepEqual(await harness.kernel.purge(), { removed: [], left: [] });
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'what an earlier process left under our mark is ours, to change and to remove': async (harness) => {
    const parent = await lan(harness);
    await harness.earlier([{ op: 'add-link', link: planned(parent, { mtu: 1300 }) }]);
    const device = await link(harness, 'tmp0');
    await harness.earlier([addAddress(device, '192.168.100.4/24')]);
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24']);
    assert.deepEqual(harness.kernel.takeDrift(), []);
    const { index, name } = device;
    await succeed(harness.kernel, [{ op: 'set-link', link: planned(parent), device: { index, name } }]);
    assert.equal((await link(harness, 'tmp0')).mtu, 1500);
    await succeed(harness.kernel, [removeAddress(device, '192.168.100.4/24'), removeLink(device)]);
    assert.equal(linkNamed((await harness.reread()).facts, 'tmp0'), undefined);
    assert.deepEqual(harness.kernel.takeDrift(), []);
    assert.deepEqual(codes(await harness.kernel.apply([removeLink(device)])), ['ESRCH']);
  },
};
