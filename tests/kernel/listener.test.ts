import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const SOCKET = join(import.meta.dirname, '../../src/kernel/linux/netlink/socket.ts');

/** Asks the kernel for its links, and throws when the answer comes. */
const PROGRAM = `
  const { NetlinkSocket } = await import(${JSON.stringify(SOCKET)});
  const socket = new NetlinkSocket();
  socket.onReadable(() => { throw new Error('a bug in the listener'); });
  const request = Buffer.alloc(32);
  request.writeUInt32LE(32, 0);
  request.writeUInt16LE(18, 4);
  request.writeUInt16LE(0x301, 6);
  socket.send(request, 32);
  setTimeout(() => { socket.close(); console.log('nobody noticed'); }, 5_000);
`;

test('what a listener throws ends the process and is not swallowed', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], { encoding: 'utf8' });
  assert.match(stderr, /a bug in the listener/);
  assert.equal(stdout, '');
  assert.notEqual(status, 0);
});
