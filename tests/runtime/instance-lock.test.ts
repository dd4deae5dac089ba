import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type InstanceLock, type LockHolder, tryLock, waitForLock, whoHolds } from '../../src/runtime/instance-lock.ts';

const self = { pid: process.pid, node: 'n1', role: 'agent' };
const freshName = (): string => `fairlead-test-${randomUUID()}`;

async function take(name: string, holder: LockHolder = self): Promise<InstanceLock> {
  const lock = await tryLock(name, holder);
  assert.ok('release' in lock, `${name} is held by ${JSON.stringify(lock)}`);
  return lock;
}

/** Another process that has the lock when this resolves. */
async function startHolder(name: string, mode = 'talk'): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'holder.ts'), name, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  assert.equal(String(line), 'held\n');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('the instance lock', () => {
  it('is held by one, who is told to all others', async () => {
    const name = freshName();
    assert.equal(await whoHolds(name), undefined);
    const lock = await take(name);
    assert.deepEqual(await tryLock(name, { pid: 1, node: 'n2', role: 'apply' }), self);
    assert.deepEqual(await whoHolds(name), self);
    await lock.release();
    assert.equal(await whoHolds(name), undefined);
    await (await take(name)).release();
  });

  it('of another name is another lock', async () => {
    const locks = [await take(freshName()), await take(freshName())];
    for (const lock of locks) await lock.release();
  });

  it('is waited for, and taken over the moment it is released', async () => {
    const name = freshName();
    const first = await take(name);
    const heard: LockHolder[] = [];
    const waiting = Promise.withResolvers<void>();
    const second = waitForLock(name, { ...self, role: 'second' }, (holder) => {
      heard.push(holder);
      waiting.resolve();
    });
    await waiting.promise;
    await first.release();
    const lock = await second;
    assert.deepEqual(heard, [self]);
    assert.equal((await whoHolds(name))?.role, 'second');
    await lock.release();
  });

  it('goes to exactly one of many who wait', async () => {
    const name = freshName();
    const first = await take(name);
    let holding = 0;
    const work = Array.from({ length: 8 }, async () => {
      const lock = await waitForLock(name, self, () => {});
      assert.equal(++holding, 1);
      await new Promise((resolve) => setImmediate(resolve));
      holding--;
      await lock.release();
    });
    await first.release();
    await Promise.all(work);
  });

  it('ends with its process, however that dies', async () => {
    const name = freshName();
    const child = await startHolder(name);
    assert.deepEqual(await whoHolds(name), { pid: child.pid, node: 'n7', role: 'agent' });
    const waiting = Promise.withResolvers<void>();
    const mine = waitForLock(name, self, () => waiting.resolve());
    await waiting.promise;
    await kill(child);
    await (await mine).release();
  });

  it('is taken over from a holder that dies without having answered', async () => {
    const name = freshName();
    const child = await startHolder(name, 'mute');
    const mine = take(name);
    // The question is on its way once the event loop has turned; the holder never accepts it.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await kill(child);
    await (await mine).release();
  });

  it('is released by nobody else, and an answer that makes no sense is no holder', async () => {
    const name = freshName();
    const server = createServer((socket) => void socket.end('nonsense\n'));
    await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
    assert.equal(await whoHolds(name), undefined);
    await new Promise((resolve) => server.close(resolve));
  });
});
