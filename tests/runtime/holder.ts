/** Holds a lock until it is killed. `mute` opens the socket and then does nothing at all: nobody gets an answer from it. */
import { createServer } from 'node:net';
import { tryLock } from '../../src/runtime/instance-lock.ts';

const [name = '', mode] = process.argv.slice(2);
if (mode === 'mute') {
  createServer().listen(`\0${name}`, () => {
    process.stdout.write('held\n', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
} else {
  const lock = await tryLock(name, { pid: process.pid, node: 'n7', role: 'agent' });
  process.stdout.write('release' in lock ? 'held\n' : 'refused\n');
}
