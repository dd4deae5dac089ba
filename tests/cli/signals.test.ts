import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Exits, Signals } from '../../src/cli/signals.ts';
import { silentLog } from '../../src/runtime/log.ts';

/** Notes how the process would have ended. */
class Ends implements Exits {
  readonly list: string[] = [];
  readonly died = Promise.withResolvers<void>();
  readonly exit = (status: number): void => void this.list.push(`exit ${status}`);
  readonly die = (): void => {
    this.list.push('die');
    this.died.resolve();
  };
}

const LONG = 600_000;
const FAREWELL = { ending: 'all stays', undone: 'the book could not be closed', fix: 'close it by hand' };

describe('a signal to a role', () => {
  it('ends a process that has nothing to end', () => {
    const ends = new Ends();
    new Signals(silentLog, FAREWELL, ends, LONG).hear('SIGTERM');
    assert.deepEqual(ends.list, ['exit 0']);
  });

  it('ends what runs, also what begins to run after it', () => {
    const ends = new Ends();
    const [early, late] = [new Signals(silentLog, FAREWELL, ends, LONG), new Signals(silentLog, FAREWELL, ends, LONG)];
    const ended: string[] = [];
    early.onFirst(() => ended.push('early'));
    early.hear('SIGINT');
    late.onFirst(() => ended.push('late'));
    assert.deepEqual(ended, ['early']);
    late.hear('SIGTERM');
    assert.deepEqual([ended, ends.list], [['early', 'late'], []]);
  });

  it('ends it at once when it comes twice', () => {
    const ends = new Ends();
    const signals = new Signals(silentLog, FAREWELL, ends, LONG);
    signals.onFirst(() => {});
    signals.hear('SIGTERM');
    signals.hear('SIGTERM');
    assert.deepEqual(ends.list, ['die']);
  });

  it('does not wait for ever for a disk that hangs, and says so', async () => {
    const ends = new Ends();
    const errors: string[] = [];
    const signals = new Signals({ ...silentLog, error: (line) => void errors.push(line) }, FAREWELL, ends, 10);
    signals.onFirst(() => {});
    signals.hear('SIGTERM');
    const keepAlive = setInterval(() => {}, 1_000);
    await ends.died.promise;
    clearInterval(keepAlive);
    assert.deepEqual(errors, ['the book could not be closed within 0.01 s: close it by hand']);
  });

  it('ends a process though one of its threads hangs in the kernel', async () => {
    const source = join(import.meta.dirname, '../../src/cli/signals.ts');
    // Opening a named pipe that nobody writes to hangs a thread as a dead network disk does.
    const program = `
      const { Signals } = await import(${JSON.stringify(source)});
      const { execFileSync } = await import('node:child_process');
      const { open } = await import('node:fs/promises');
      const { mkdtempSync, rmSync } = await import('node:fs');
      const folder = mkdtempSync('/tmp/fairlead-signals-');
      execFileSync('mkfifo', [folder + '/pipe']);
      open(folder + '/pipe', 'r').catch(() => {});
      setTimeout(() => {
        rmSync(folder, { recursive: true });
        const log = { info() {}, warn() {}, error() {} };
        new Signals(log, {}, undefined, 10).listen().onFirst(() => {});
        process.kill(process.pid, 'SIGTERM');
      }, 100);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM']);
  });
});
