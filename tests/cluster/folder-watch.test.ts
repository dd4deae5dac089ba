import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FolderWatch } from '../../src/cluster/directory/folder-watch.ts';
import { cannotWatch } from '../../src/cluster/directory/messages.ts';
import { cannotOpen } from '../../src/cluster/directory/read-file.ts';

/** Long enough for an event to arrive. */
const A_WHILE = 50;

async function stage(test: TestContext): Promise<{ readonly base: string; readonly watch: FolderWatch; heard(): Promise<boolean> }> {
  const base = await mkdtemp(join(tmpdir(), 'fairlead-watch-'));
  let events = 0;
  let wake = (): void => {};
  const onWake = (resolve: () => void): void => {
    wake = resolve;
  };
  const watch = new FolderWatch(() => {
    events++;
    wake();
  });
  test.after(async () => {
    watch.close();
    await rm(base, { recursive: true });
  });
  const heard = async (): Promise<boolean> => {
    if (events === 0) await Promise.race([sleep(20 * A_WHILE), new Promise<void>((resolve) => onWake(resolve))]);
    await sleep(A_WHILE);
    const any = events > 0;
    events = 0;
    return any;
  };
  return { base, watch, heard };
}

describe('the watch on folders', () => {
  it('moves to the folder that has taken the place of another', async (t) => {
    const { base, watch, heard } = await stage(t);
    const folder = join(base, 'p', 'm');
    await mkdir(folder, { recursive: true });
    watch.begin();
    watch.add(folder, { identity: '1' });
    watch.end();
    await rename(join(base, 'p'), join(base, 'q'));
    await mkdir(folder, { recursive: true });
    watch.begin();
    watch.add(folder, { identity: '2' });
    watch.end();
    await writeFile(join(folder, 'x'), '');
    assert.equal(await heard(), true);
  });

  it('hears of nothing but the name that matters, and of nothing in folders that no longer do', async (t) => {
    const { base, watch, heard } = await stage(t);
    watch.begin();
    watch.add(base, { only: 'x' });
    watch.end();
    await writeFile(join(base, 'y'), '');
    assert.equal(await heard(), false);
    await writeFile(join(base, 'x'), '');
    assert.equal(await heard(), true);
    watch.begin();
    watch.end();
    await writeFile(join(base, 'x'), '');
    assert.equal(await heard(), false);
  });

  it('counts what cannot be watched, but not what is gone', async (t) => {
    const { base, watch } = await stage(t);
    watch.begin();
    watch.add(join(base, 'gone'), {});
    assert.equal(watch.blind, 0);
    watch.add(join(base, 'x'.repeat(300)), {});
    assert.equal(watch.blind, 1);
    assert.deepEqual(watch.failure, { folder: join(base, 'x'.repeat(300)), code: 'ENAMETOOLONG' });
  });
});

it('a file without permission is named with the fix', () => {
  const error = Object.assign(new Error('EACCES: permission denied, open x'), { code: 'EACCES' });
  assert.equal(
    cannotOpen(error).message,
    'cannot be read (EACCES: permission denied): give this process the right to read it, and to enter the folders above it',
  );
});

describe('a folder that cannot be watched', () => {
  const fixes: Readonly<Record<string, string>> = {
    ENOSPC: 'raise the sysctls fs.inotify.max_user_watches and max_user_instances',
    EMFILE: 'raise the sysctls fs.inotify.max_user_watches and max_user_instances',
    EACCES: 'give this process the right to read it, and to enter the folders above it',
    ENOSYS: 'see that it is on a local disk',
  };
  for (const [code, fix] of Object.entries(fixes)) {
    it(`is named with the fix: ${code}`, () =>
      assert.equal(
        cannotWatch({ folder: '/m/x', code }),
        `changes in /m/x are not announced by the kernel (${code}), so the manifests are read every second: ${fix}`,
      ));
  }
});
