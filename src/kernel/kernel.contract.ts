import { describe, test } from 'node:test';
import { APPLYING } from './contract/applying.ts';
import { DEVICE_DRIFT } from './contract/device-drift.ts';
import { DEVICE_REFUSALS } from './contract/device-refusals.ts';
import { DEVICES } from './contract/devices.ts';
import { LOSING, WATCHING } from './contract/disturbing.ts';
import type { KernelHarness } from './contract/harness.ts';
import { OBSERVING } from './contract/observing.ts';
import { PROBING } from './contract/probing.ts';
import { REFUSING } from './contract/refusing.ts';

/** A guard against a test that waits for ever; nothing depends on it. */
const HANG = 60_000;

const ROUTES = { ...OBSERVING, ...APPLYING, ...REFUSING, ...WATCHING, ...LOSING };
const ALL = { ...ROUTES, ...DEVICES, ...DEVICE_REFUSALS, ...DEVICE_DRIFT, ...PROBING };

/** What every implementation of `Kernel` does. `open` makes a fresh, empty network. */
export function kernelContract(name: string, open: () => Promise<KernelHarness>): void {
  describe(name, () => {
    for (const [title, run] of Object.entries(ALL)) {
      test(title, { timeout: HANG }, async () => {
        const harness = await open();
        try {
          await run(harness);
        } finally {
          await harness.close();
        }
      });
    }
  });
}
