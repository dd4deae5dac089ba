import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNodeOverlayIPStatus } from '../api/kinds/node-overlay-ip-status.ts';
import { type OverlayReport, type OverlayReportSink, ReportFailed } from './cluster.ts';

/** A place with NodeOverlayIPs, as a test can shape it. */
export interface OverlaySinkHarness {
  readonly sink: OverlayReportSink;
  /** Makes a NodeOverlayIP of that name, and answers its uid. */
  create(name: string): Promise<string>;
  delete(name: string): Promise<void>;
  /** Its status as it is now, and what changes with every write. */
  read(name: string): Promise<{ readonly status: unknown; readonly version: string }>;
  /** Time goes by. */
  pass(seconds: number): void;
  away(): Promise<void>;
  back(): Promise<void>;
  dispose(): Promise<void>;
}

const NAME = 'n1.default';
const DEVICE = { name: 'tmp0', parent: 'eth1', mac: '02:00:00:00:00:01', mtu: 1500 };

function inPlace(uid: string, change: Partial<OverlayReport> = {}): OverlayReport {
  return { name: NAME, uid, device: DEVICE, deviceReady: { status: 'True', reason: 'InPlace', message: 'on tmp0' }, ...change };
}

/** What every place guarantees to whoever answers for overlay addresses. */
export function describeOverlaySink(name: string, makeHarness: () => Promise<OverlaySinkHarness>): void {
  const scenario = (title: string, run: (harness: OverlaySinkHarness) => Promise<void>): void => {
    it(title, async () => {
      const harness = await makeHarness();
      await run(harness).finally(() => harness.dispose());
    });
  };
  describe(`${name} as a sink of overlay reports`, () => {
    for (const [title, run] of Object.entries(SCENARIOS)) scenario(title, run);
  });
}

/** `tmp0 True InPlace since 2027-01-01T00:00:00Z` */
async function told({ read }: OverlaySinkHarness): Promise<string> {
  const parsed = parseNodeOverlayIPStatus((await read(NAME)).status);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { device, conditions = [] } = parsed.value;
  const own = conditions.find(({ type }) => type === 'DeviceReady');
  return `${device?.name ?? '-'} ${own ? `${own.status} ${own.reason}: ${own.message}` : '-'}`;
}

async function since({ read }: OverlaySinkHarness): Promise<string | undefined> {
  const parsed = parseNodeOverlayIPStatus((await read(NAME)).status);
  return parsed.ok ? parsed.value.conditions?.find(({ type }) => type === 'DeviceReady')?.lastTransitionTime : undefined;
}

const SCENARIOS: Readonly<Record<string, (harness: OverlaySinkHarness) => Promise<void>>> = {
  'has the device and its condition, then what has become of them': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.sink.write(inPlace(uid));
    const { status } = await harness.read(NAME);
    assert.deepEqual(parseNodeOverlayIPStatus(status).ok && (status as { readonly device: unknown }).device, DEVICE);
    assert.equal(await told(harness), 'tmp0 True InPlace: on tmp0');
    await harness.sink.write({ name: NAME, uid, deviceReady: { status: 'False', reason: 'Removed', message: 'it is gone' } });
    assert.equal(await told(harness), '- False Removed: it is gone');
  },

  'is not written again with what it says already': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.sink.write(inPlace(uid));
    const { version } = await harness.read(NAME);
    harness.pass(60);
    await harness.sink.write(inPlace(uid));
    assert.equal((await harness.read(NAME)).version, version);
  },

  'says since when a condition holds, whatever its words': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.sink.write(inPlace(uid));
    const first = await since(harness);
    harness.pass(60);
    await harness.sink.write(inPlace(uid, { deviceReady: { status: 'True', reason: 'InPlace', message: 'on tmp0, MTU 1400' } }));
    assert.equal(await since(harness), first);
    await harness.sink.write(inPlace(uid, { deviceReady: { status: 'False', reason: 'DeviceDown', message: 'eth1 is down' } }));
    assert.equal(Date.parse((await since(harness)) ?? '') - Date.parse(first ?? ''), 60_000);
  },

  'leaves another object of the same name alone': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.delete(NAME);
    await harness.create(NAME);
    await harness.sink.write(inPlace(uid));
    assert.equal(await told(harness), '- -');
  },

  'is done when the object is gone': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.delete(NAME);
    await harness.sink.write(inPlace(uid));
    await harness.sink.write({ ...inPlace(uid), name: 'n1.other' });
  },

  'fails while the place is away, and works when it is back': async (harness) => {
    const uid = await harness.create(NAME);
    await harness.away();
    await assert.rejects(
      harness.sink.write(inPlace(uid)),
      (error) => error instanceof ReportFailed && error.message.startsWith(`the state of NodeOverlayIP ${NAME} was not written: `),
    );
    await harness.back();
    await harness.sink.write(inPlace(uid));
    assert.equal(await told(harness), 'tmp0 True InPlace: on tmp0');
  },
};
