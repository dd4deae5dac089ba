import assert from 'node:assert/strict';
import { linkNamed } from '../../core/facts.ts';
import { addAddress, link, made, overlay, planned, plannedAddress, removeAddress, removeLink } from './device-support.ts';
import type { Cases } from './harness.ts';
import { addressesOf, codes, lan, listen, succeed } from './support.ts';

const GONE = { index: 4711, name: 'gone' };

/** Changes of devices and addresses that must not happen. */
export const DEVICE_REFUSALS: Cases = {
  'a name that is taken is not ours to have': async (harness) => {
    const parent = await lan(harness);
    await harness.addLink('tmp0');
    const before = await link(harness, 'tmp0');
    const failures = await harness.kernel.apply([{ op: 'add-link', link: planned(parent, { mtu: 1400 }) }]);
    assert.deepEqual(codes(failures), ['EEXIST']);
    assert.match(failures[0]?.message ?? '', /exists already/);
    assert.deepEqual(await link(harness, 'tmp0'), before);
    assert.deepEqual(linkNamed((await harness.reread()).facts, 'tmp0'), before);
  },

  'a device that cannot be made leaves nothing behind': async (harness) => {
    const parent = await lan(harness);
    const before = (await harness.kernel.observe()).facts.links;
    const failures = await harness.kernel.apply([
      { op: 'add-link', link: planned(parent, { mtu: 9000 }) },
      { op: 'add-link', link: planned(GONE) },
    ]);
    assert.deepEqual(codes(failures), ['EINVAL', 'ENODEV']);
    assert.ok(failures.every(({ message }) => message.length > 10));
    assert.deepEqual((await harness.reread()).facts.links, before);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'devices of others are neither set nor removed, also when they look like ours': async (harness) => {
    const parent = await lan(harness);
    const other = await harness.addLink('right');
    await harness.setLinkAlias('right', 'fairlead:default');
    const { facts } = await harness.kernel.observe();
    for (const device of [parent, other, GONE]) {
      const link = planned(parent, { name: device.name, mtu: 1400 });
      const failures = await harness.kernel.apply([{ op: 'set-link', link, device }, removeLink(device)]);
      assert.deepEqual(codes(failures), ['ESRCH', 'ESRCH']);
    }
    assert.deepEqual((await harness.reread()).facts.links, facts.links);
    const { removed, left } = await harness.kernel.purge();
    assert.deepEqual([removed, left], [[], ['device right alias fairlead:default']]);
    await harness.setLinkAlias('right', '');
    assert.deepEqual(await harness.kernel.purge(), { removed: [], left: [] });
  },

  'a device of ours that lost its mark is not ours any more': async (harness) => {
    const device = await made(harness);
    await harness.setLinkAlias('tmp0', '');
    const { index, name } = await link(harness, 'tmp0');
    const failures = await harness.kernel.apply([
      { op: 'set-link', link: planned({ index: device.parent ?? 0, name: 'left' }, { mtu: 1400 }), device: { index, name } },
      removeLink(device),
      { op: 'add-link', link: planned({ index: device.parent ?? 0, name: 'left' }) },
    ]);
    assert.deepEqual(codes(failures), ['ESRCH', 'ESRCH', 'EEXIST']);
    assert.deepEqual(await harness.kernel.purge(), { removed: [], left: [] });
    const seen = linkNamed((await harness.reread()).facts, 'tmp0');
    assert.deepEqual([seen?.index, seen?.mtu, seen?.alias], [index, 1500, undefined]);
  },

  'nor is one without our mark that has another link-layer address than we give, whatever is asked for': async (harness) => {
    const device = await made(harness);
    await harness.setLinkAlias('tmp0', '');
    await harness.setLinkMac('tmp0', '02:00:5e:00:53:77');
    const before = await link(harness, 'tmp0');
    assert.equal(before.likeOurs, undefined);
    const should = planned({ index: device.parent ?? 0, name: 'left' }, { mtu: 1400, adopts: true });
    assert.deepEqual(codes(await harness.kernel.apply([{ op: 'set-link', link: should, device }])), ['ESRCH']);
    assert.deepEqual(linkNamed((await harness.reread()).facts, 'tmp0'), before);
  },

  'an address without our mark is marked on a device of ours only': async (harness) => {
    const device = await made(harness);
    const parent = await link(harness, 'left');
    await harness.addAddress('left', '192.168.77.4/24');
    const wanted = [
      { op: 'add-address', address: plannedAddress(parent, '192.168.77.4/24'), marks: true },
      { op: 'add-address', address: plannedAddress(device, '192.168.100.4/24'), marks: true },
    ] as const;
    assert.deepEqual(codes(await harness.kernel.apply(wanted)), ['ESRCH', 'ESRCH']);
    const { facts } = await harness.reread();
    assert.deepEqual(
      facts.addresses.filter(({ ours }) => ours),
      [],
    );
    assert.deepEqual(
      addressesOf(facts, 'tmp0').filter((text) => text.includes('.')),
      [],
    );
  },

  'a device that belongs to another pool by now is not removed for the first': async (harness) => {
    const device = await made(harness);
    await harness.setLinkAlias('tmp0', 'fairlead:second');
    await harness.kernel.observe();
    assert.deepEqual(codes(await harness.kernel.apply([removeLink(device)])), ['ESRCH']);
    await succeed(harness.kernel, [removeLink(device, 'second')]);
    assert.equal(linkNamed((await harness.reread()).facts, 'tmp0'), undefined);
  },

  'set-link that the kernel refuses says so, and the device stays': async (harness) => {
    const device = await made(harness);
    const { index, name } = device;
    const should = planned({ index: device.parent ?? 0, name: 'left' }, { mtu: 9000 });
    const failures = await harness.kernel.apply([{ op: 'set-link', link: should, device: { index, name } }]);
    assert.deepEqual(codes(failures), ['EINVAL']);
    assert.deepEqual(await link(harness, 'tmp0'), device);
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'what is refused is no news: it must not be tried again at once': async (harness) => {
    const device = await overlay(harness);
    const parent = await link(harness, 'left');
    const news = listen(harness.kernel);
    // The end of duplicate address detection is news.
    const tentative = async (): Promise<boolean> =>
      (await harness.kernel.observe()).facts.addresses.some(({ state }) => state === 'tentative');
    while (await tentative()) await new Promise((resolve) => setTimeout(resolve, 20));
    await news.quiet();
    const { facts } = await harness.kernel.observe();
    const before = news.count();
    const large = planned(parent, { mtu: 9000 });
    const failures = await harness.kernel.apply([
      { op: 'add-link', link: planned(parent) },
      { op: 'add-link', link: { ...large, name: 'tmp1' } },
      { op: 'set-link', link: large, device: { index: device.index, name: 'tmp0' } },
      removeLink(parent),
      addAddress(device, '192.168.100.4/24'),
      removeAddress(parent, '10.1.0.1/24'),
    ]);
    assert.equal(failures.length, 6);
    await news.quiet();
    assert.equal(news.count(), before);
    assert.equal((await harness.kernel.observe()).facts, facts);
  },

  'an address is added once, and only to a device that is there': async (harness) => {
    const device = await overlay(harness);
    await harness.addAddress('tmp0', '192.168.100.5/24');
    const failures = await harness.kernel.apply(
      ['192.168.100.4/24', '2001:db8:100::4/64', '192.168.100.5/24'].map((text) => addAddress(device, text)),
    );
    assert.deepEqual(codes(failures), ['EEXIST', 'EEXIST', 'EEXIST']);
    assert.deepEqual(codes(await harness.kernel.apply([addAddress(GONE, '192.168.100.6/24')])), ['ENODEV']);
    assert.ok(failures.every(({ message }) => message.length > 10));
    assert.deepEqual(harness.kernel.takeDrift(), []);
  },

  'addresses of others are never removed, nor one of ours by another length or from another device': async (harness) => {
    const device = await overlay(harness);
    const parent = await link(harness, 'left');
    await harness.addAddress('tmp0', '192.168.100.5/24');
    const { facts } = await harness.kernel.observe();
    const failures = await harness.kernel.apply([
      removeAddress(parent, '10.1.0.1/24'),
      removeAddress(parent, '2001:db8:1::1/64'),
      removeAddress(device, '192.168.100.5/24'),
      removeAddress(device, '192.168.100.4/25'),
      removeAddress(device, '2001:db8:100::4/128'),
      removeAddress(parent, '192.168.100.4/24'),
      removeAddress(GONE, '192.168.100.4/24'),
    ]);
    assert.deepEqual(codes(failures), Array(7).fill('ESRCH'));
    const after = (await harness.reread()).facts;
    for (const name of ['left', 'tmp0']) assert.deepEqual(addressesOf(after, name).toSorted(), addressesOf(facts, name).toSorted());
  },
};
