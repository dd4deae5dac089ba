import assert from 'node:assert/strict';
import { Address } from '../../core/ip/address.ts';
import { KernelUnavailable } from '../kernel.ts';
import { made } from './device-support.ts';
import type { Cases, KernelHarness } from './harness.ts';
import { lan } from './support.ts';

const ADDRESS = Address.parse('192.168.100.4');

/** Whether somebody on the link has an address. */
export const PROBING: Cases = {
  'whoever has an address answers with a link-layer address, on a link and on a device of ours on it': async (harness) => {
    const device = await made(harness);
    const parent = { index: device.parent ?? 0, name: 'left' };
    const mac = await harness.answerFor('left', ADDRESS.text);
    await settled(harness);
    assert.deepEqual(await harness.kernel.probe({ device: parent, address: ADDRESS }), { holder: mac });
    assert.deepEqual(await harness.kernel.probe({ device: parent, address: Address.parse('192.168.100.5') }), { holder: undefined });
  },

  'a device that is gone, down or without a carrier cannot ask': async (harness) => {
    const device = await lan(harness);
    const asks = (index: number): Promise<unknown> => harness.kernel.probe({ device: { index, name: 'left' }, address: ADDRESS });
    await assert.rejects(asks(4711), KernelUnavailable);
    await harness.setCarrier('left', false);
    await assert.rejects(asks(device.index), KernelUnavailable);
    await harness.setLinkUp('left', false);
    await assert.rejects(asks(device.index), KernelUnavailable);
  },
};

/** The carrier is back after whatever was done to the other end. */
async function settled({ kernel }: KernelHarness): Promise<void> {
  while (!(await kernel.observe()).facts.links.some(({ name, carrier }) => name === 'left' && carrier)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
