import { describe, test } from 'node:test';
import { APPLYING } from './contract/applying.ts';
import { LOSING, WATCHING } from './contract/disturbing.ts';
import type { KernelHarness } from './contract/harness.ts';
import { OBSERVING } from './contract/observing.ts';
import { REFUSING } from './contract/refusing.ts';

/** A guard against a test that waits for ever; nothing depends on it. */
const HANG = 60_000;

/** What every implementation of `Kernel` does. `open` makes a fresh, empty network. */
export function kernelContract(name: string, open: () => Promise<KernelHarness>): void {
  describe(name, () => {
    for (const [title, run] of Object.entries({ ...OBSERVING, ...APPLYING, ...REFUSING, ...WATCHING, ...LOSING })) {
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
