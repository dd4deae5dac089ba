import { FakeOverlaySink } from '../../src/cluster/fake.ts';
import { describeOverlaySink } from '../../src/cluster/overlay-sink.contract.ts';
import { ManualClock } from '../agent/clock.ts';

describeOverlaySink('the fake', async () => {
  const clock = new ManualClock();
  const sink = new FakeOverlaySink(clock);
  let made = 0;
  return {
    sink,
    create: async (name) => {
      const uid = `u-${made++}`;
      sink.objects.set(name, { uid, status: undefined });
      return uid;
    },
    delete: async (name) => void sink.objects.delete(name),
    read: async (name) => ({ status: sink.objects.get(name)?.status, version: String(sink.written.length) }),
    pass: (seconds) => clock.pass(seconds * 1000),
    away: async () => {
      sink.refuse = 'the state of NodeOverlayIP n1.default was not written: away';
    },
    back: async () => {
      sink.refuse = undefined;
    },
    dispose: async () => {},
  };
});
