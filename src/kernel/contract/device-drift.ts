import assert from 'node:assert/strict';
import type { Change } from '../../core/change.ts';
import { linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import { type Route, TABLE_MAIN } from '../../core/route.ts';
import { addAddress, driftAfter, link, made, ourAddresses, overlay, planned, plannedAddress } from './device-support.ts';
import type { Cases, KernelHarness } from './harness.ts';
import { addressesOf, adds, listen, ownedTexts, succeed, via } from './support.ts';

/** What others do to devices and addresses of ours. */
export const DEVICE_DRIFT: Cases = {
  'a device of ours is deleted: its addresses went with it, that is all there is to say; its routes are dropped': async (harness) => {
    const device = await overlay(harness);
    await succeed(harness.kernel, adds([via('172.16.0.0/16', '192.168.100.1', device)]));
    assert.deepEqual(await driftAfter(harness, () => harness.removeLink('tmp0')), [
      'LinkDeleted device tmp0',
      'LinkDown route 172.16.0.0/16',
    ]);
    const { facts } = await harness.kernel.observe();
    assert.deepEqual([linkNamed(facts, 'tmp0'), addressesOf(facts, 'tmp0')], [undefined, []]);
  },

  'its parent is deleted, and with it the device': async (harness) => {
    await overlay(harness);
    assert.deepEqual(await driftAfter(harness, () => harness.removeLink('left')), ['LinkDeleted device tmp0']);
  },

  'an address of ours on a device of somebody else goes with that device': async (harness) => {
    const device = await made(harness);
    const parent = await link(harness, 'left');
    await succeed(harness.kernel, [addAddress(parent, '192.168.77.4/24'), addAddress(device, '192.168.100.4/24')]);
    assert.deepEqual(await driftAfter(harness, () => harness.removeLink('left')), [
      'LinkDeleted device tmp0',
      'LinkDown address 192.168.77.4/24 dev left',
    ]);
  },

  'it is set down: IPv6 addresses and routes are gone, IPv4 addresses are not': async (harness) => {
    const device = await overlay(harness);
    await succeed(harness.kernel, adds([via('172.16.0.0/16', '192.168.100.1', device)]));
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkUp('tmp0', false)), [
      'LinkChanged device tmp0',
      'LinkDown address 2001:db8:100::4/64 dev tmp0',
      'LinkDown route 172.16.0.0/16',
    ]);
    assert.equal((await link(harness, 'tmp0')).up, false);
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24']);
    await harness.kernel.observe();
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'it gets another MTU, another alias, another name, another ARP setting': async (harness) => {
    await made(harness);
    const changed = ['LinkChanged device tmp0'];
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkMtu('tmp0', 1300)), changed);
    assert.equal((await link(harness, 'tmp0')).mtu, 1300);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkAlias('tmp0', 'fairlead:second')), changed);
    await harness.setSysctl('tmp0', 'arp_ignore', 0);
    harness.kernel.invalidate();
    assert.equal((await link(harness, 'tmp0')).arpIgnore, 0);
    assert.deepEqual(
      harness.kernel.takeDrift().map(({ event, link: name }) => `${event} device ${name}`),
      changed,
    );
    assert.deepEqual(await driftAfter(harness, () => harness.renameLink('tmp0', 'port')), changed);
    assert.equal((await link(harness, 'port')).alias, 'fairlead:second');
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkAlias('port', '')), ['LinkChanged device port']);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkMtu('port', 1200)), []);
  },

  'it gets another link-layer address, and its own back, which is told to whoever it is that must know': async (harness) => {
    const { mac, ...device } = await made(harness);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkMac('tmp0', '02:00:5e:00:53:77')), ['LinkChanged device tmp0']);
    const changed = await link(harness, 'tmp0');
    assert.deepEqual([changed.mac, changed.formerMac], ['02:00:5e:00:53:77', mac]);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkUp('tmp0', false)), ['LinkChanged device tmp0']);
    assert.equal((await link(harness, 'tmp0')).formerMac, mac);
    const should = planned({ index: device.parent ?? 0, name: 'left' });
    await succeed(harness.kernel, [{ op: 'set-link', link: should, device, announceTo: [Address.parse('192.168.100.1')] }]);
    const { facts } = await harness.reread();
    for (const seen of [await link(harness, 'tmp0'), linkNamed(facts, 'tmp0')]) assert.deepEqual(seen, { ...device, mac });
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'its mark is overwritten or taken off: what it is made of tells that it is ours, and it gets the mark back in place': async (harness) => {
    const device = await overlay(harness);
    const should = planned({ index: device.parent ?? 0, name: 'left' }, { adopts: true });
    for (const alias of ['foo', '']) {
      assert.deepEqual(await driftAfter(harness, () => harness.setLinkAlias('tmp0', alias)), ['LinkChanged device tmp0']);
      const { facts } = await harness.reread();
      for (const seen of [await link(harness, 'tmp0'), linkNamed(facts, 'tmp0')]) assert.equal(seen?.likeOurs, true);
      await succeed(harness.kernel, [{ op: 'set-link', link: should, device }]);
      assert.deepEqual(await link(harness, 'tmp0'), device);
      assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24', '2001:db8:100::4/64']);
      assert.deepEqual(harness.kernel.takeDrift(), []);
    }
  },

  'its parent goes down and up, or loses the carrier: the device has none meanwhile, and that is all': async (harness) => {
    const device = await overlay(harness);
    await succeed(harness.kernel, adds([via('172.16.0.0/16', '192.168.100.1', device)]));
    const disturb = {
      down: () => harness.setLinkUp('left', false),
      up: () => harness.setLinkUp('left', true),
      pulled: () => harness.setCarrier('left', false),
      plugged: () => harness.setCarrier('left', true),
    };
    for (const [state, change] of Object.entries(disturb)) {
      const news = listen(harness.kernel);
      let woken = news.next();
      await change();
      const carrier = state === 'up' || state === 'plugged';
      while ((await link(harness, 'tmp0')).carrier !== carrier) {
        await woken;
        woken = news.next();
      }
      assert.equal((await link(harness, 'tmp0')).up, true);
      assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24', '2001:db8:100::4/64']);
      assert.deepEqual(await ownedTexts(harness.kernel), ['172.16.0.0/16']);
      assert.deepEqual(harness.kernel.takeDrift(), []);
    }
  },

  'its MTU follows that of the parent down, which is no drift': async (harness) => {
    await made(harness);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkMtu('left', 1400)), []);
    assert.deepEqual([(await link(harness, 'left')).mtu, (await link(harness, 'tmp0')).mtu], [1400, 1400]);
    assert.deepEqual(await driftAfter(harness, () => harness.setLinkMtu('left', 1500)), []);
    assert.equal((await link(harness, 'tmp0')).mtu, 1400);
  },

  'an address of ours is deleted, of each family': async (harness) => {
    await overlay(harness);
    for (const text of ['192.168.100.4/24', '2001:db8:100::4/64']) {
      assert.deepEqual(await driftAfter(harness, () => harness.removeAddress('tmp0', text)), [`AddressDeleted address ${text} dev tmp0`]);
    }
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), []);
  },

  'an address of ours is written anew without our mark, which is put back in place': async (harness) => {
    const device = await overlay(harness);
    // The kernel does not announce what is done to an address that it is still asking about.
    await settled(harness);
    const texts = ['192.168.100.4/24', '2001:db8:100::4/64'];
    for (const text of texts) {
      const changed = [`AddressChanged address ${text} dev tmp0`];
      assert.deepEqual(await driftAfter(harness, () => harness.rewriteAddress('tmp0', text)), changed);
      assert.equal((await ourAddresses(harness, 'tmp0')).includes(text), false);
    }
    await succeed(
      harness.kernel,
      texts.map((text): Change => ({ op: 'add-address', address: plannedAddress(device, text), marks: true })),
    );
    const { facts } = await harness.reread();
    for (const seen of [(await harness.kernel.observe()).facts, facts]) {
      assert.deepEqual(
        seen.addresses.filter(({ ours }) => ours).map(({ address, state }) => [address.text, state]),
        [
          ['192.168.100.4', 'valid'],
          ['2001:db8:100::4', 'valid'],
        ],
      );
    }
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'the route to the network of an address of ours is deleted, of each family: it is made again, by nobody’s doing but ours': async (
    harness,
  ) => {
    const device = await overlay(harness);
    await settled(harness);
    for (const text of ['192.168.100.4/24', '2001:db8:100::4/64']) {
      const network = await networkOf(harness, device.index, text);
      assert.ok(network);
      assert.deepEqual(await driftAfter(harness, () => harness.deleteRoute(network)), [`RouteDeleted address ${text} dev tmp0`]);
      assert.equal(await networkOf(harness, device.index, text), undefined);
      const change: Change = { op: 'add-network', address: plannedAddress(device, text), network };
      await succeed(harness.kernel, [change]);
      assert.deepEqual(await networkOf(harness, device.index, text), network);
      // Whoever was faster has done the same.
      await succeed(harness.kernel, [change]);
      const { facts } = await harness.reread();
      assert.equal(facts.routes.filter(({ prefix, spec }) => prefix.text === network.prefix.text && spec.table === TABLE_MAIN).length, 1);
    }
    assert.deepEqual(await ourAddresses(harness, 'tmp0'), ['192.168.100.4/24', '2001:db8:100::4/64']);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'it goes with the address, without a word of its own': async (harness) => {
    const device = await overlay(harness);
    await settled(harness);
    const text = '192.168.100.4/24';
    const network = await networkOf(harness, device.index, text);
    assert.ok(network);
    assert.deepEqual(await driftAfter(harness, () => harness.deleteRoute(network)), [`RouteDeleted address ${text} dev tmp0`]);
    await succeed(harness.kernel, [{ op: 'add-network', address: plannedAddress(device, text), network }]);
    await succeed(harness.kernel, [{ op: 'remove-address', address: plannedAddress(device, text) }]);
    assert.equal(await networkOf(harness, device.index, text), undefined);
    assert.deepEqual(harness.kernel.takeDrift(), []);
    const failures = await harness.kernel.apply([{ op: 'add-network', address: plannedAddress(device, text), network }]);
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['ESRCH'],
    );
  },

  'addresses of others come and go without drift': async (harness) => {
    await made(harness);
    await harness.addAddress('tmp0', '192.168.100.5/24');
    await harness.kernel.observe();
    assert.deepEqual(await driftAfter(harness, () => harness.removeAddress('tmp0', '192.168.100.5/24')), []);
    assert.deepEqual(await driftAfter(harness, () => harness.removeAddress('left', '10.1.0.9/24')), []);
  },
};

/** The route that the kernel makes for an address. */
async function networkOf({ kernel }: KernelHarness, index: number, text: string): Promise<Route | undefined> {
  const [address = '', length = ''] = text.split('/');
  const wanted = Prefix.of(Address.parse(address), Number(length));
  const { facts } = await kernel.observe();
  return facts.routes.find(
    ({ prefix, spec }) =>
      prefix.text === wanted.text && spec.table === TABLE_MAIN && spec.hops.some(({ device }) => device?.index === index),
  );
}

/** Until the kernel uses every address of the device. */
async function settled(harness: KernelHarness): Promise<void> {
  const news = listen(harness.kernel);
  for (;;) {
    const woken = news.next();
    const { facts } = await harness.kernel.observe();
    if (facts.addresses.every(({ state }) => state === 'valid')) return;
    await woken;
  }
}
