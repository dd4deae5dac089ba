import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Address } from '../../src/core/ip/address.ts';
import { addAddress } from '../../src/kernel/contract/device-support.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';

const TEXT = '2001:db8:100::4/64';

test('what duplicate address detection comes to is for a test to say', async () => {
  const kernel = new FakeKernel();
  const device = kernel.addLink('eth1');
  const state = async (): Promise<string | undefined> =>
    (await kernel.observe()).facts.addresses.find(({ address }) => address.text === '2001:db8:100::4')?.state;
  for (const dad of ['valid', 'duplicate', 'tentative'] as const) {
    kernel.dad = dad;
    assert.deepEqual(await kernel.apply([addAddress(device, TEXT)]), []);
    assert.equal(await state(), dad);
    if (dad !== 'tentative') kernel.removeAddress('eth1', TEXT);
  }
  const { facts } = await kernel.observe();
  kernel.setAddressState('eth1', TEXT, 'valid');
  assert.equal(await state(), 'valid');
  assert.notEqual((await kernel.observe()).facts, facts);
  await kernel.apply([addAddress(device, '192.168.100.4/24')]);
  assert.deepEqual(
    (await kernel.observe()).facts.addresses.filter(({ ours }) => ours).map((held) => held.state),
    ['valid', 'valid'],
  );
});

test('who answers is for a test to say, for each device', async () => {
  const kernel = new FakeKernel();
  const [one, two] = [kernel.addLink('eth1'), kernel.addLink('eth2')];
  const address = Address.parse('192.168.100.4');
  kernel.answerFor('eth1', '192.168.100.4', '02:00:00:00:00:99');
  assert.deepEqual(await kernel.probe({ device: one, address }), { holder: '02:00:00:00:00:99' });
  assert.deepEqual(await kernel.probe({ device: two, address }), { holder: undefined });
  kernel.answerFor('eth1', '192.168.100.4', undefined);
  assert.deepEqual(await kernel.probe({ device: one, address }), { holder: undefined });
});
