import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { link, made, planned } from '../../src/kernel/contract/device-support.ts';
import { Namespace } from './namespace.ts';

let space: Namespace;
beforeEach(async () => {
  space = await Namespace.create();
});
afterEach(() => space.close());

describe('what others did to a device of ours', { timeout: 60_000 }, () => {
  test('a link-layer address that another device has taken is not to be had back; all else is put right', async () => {
    const device = await made(space);
    await space.setLinkMac('tmp0', '02:00:5e:00:53:77');
    await space.ip('link', 'add', 'link', 'left', 'name', 'thief', 'address', device.mac ?? '', 'type', 'macvlan', 'mode', 'bridge');
    await space.ip('link', 'set', 'thief', 'up');
    const should = planned({ index: device.parent ?? 0, name: 'left' }, { mtu: 1400 });
    const [failure] = await space.kernel.apply([{ op: 'set-link', link: should, device }]);
    assert.deepEqual([failure?.code, failure?.message], ['EADDRINUSE', 'another device on the parent has its link-layer address']);
    const { mtu, formerMac } = await link(space, 'tmp0');
    assert.deepEqual([mtu, formerMac], [1400, device.mac]);
  });

  test('without our mark it is known by its make: other modes and other link-layer addresses are not ours', async () => {
    const { mac = '' } = await made(space);
    await space.setLinkAlias('tmp0', '');
    await space.ip('link', 'add', 'link', 'left', 'name', 'tmp1', 'type', 'macvlan', 'mode', 'bridge');
    const known = async (): Promise<readonly string[]> =>
      (await space.reread()).facts.links.filter(({ likeOurs }) => likeOurs).map(({ name }) => name);
    assert.deepEqual(await known(), ['tmp0']);
    await space.ip('link', 'delete', 'tmp0');
    await space.ip('link', 'add', 'link', 'left', 'name', 'tmp0', 'address', mac, 'type', 'macvlan', 'mode', 'private');
    assert.deepEqual(await known(), []);
  });
});
