import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff, systemClock } from '../../src/runtime/clock.ts';
import { createLog } from '../../src/runtime/log.ts';

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

describe('a log', () => {
  it('for people is time, level and message, one line each', () => {
    const lines: string[] = [];
    const log = createLog('text', (line) => lines.push(line));
    log.info('started');
    log.warn('two\nlines "quoted"');
    log.error('broken');
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', new RegExp(`^${TIME} INFO  started\n$`));
    assert.match(lines[1] ?? '', new RegExp(`^${TIME} WARN  two; lines "quoted"\n$`));
    assert.match(lines[2] ?? '', new RegExp(`^${TIME} ERROR broken\n$`));
  });

  it('for machines is one JSON object a line', () => {
    const lines: string[] = [];
    createLog(
      'json',
      (line) => lines.push(line),
      () => new Date(0),
    ).warn('two\nlines');
    assert.deepEqual(lines, ['{"time":"1970-01-01T00:00:00.000Z","level":"warn","msg":"two\\nlines"}\n']);
  });
});

describe('Backoff', () => {
  it('doubles up to the longest delay, and starts again after a success', () => {
    const backoff = new Backoff(1_000, 60_000);
    assert.deepEqual(
      Array.from({ length: 8 }, () => backoff.next()),
      [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000],
    );
    backoff.reset();
    assert.deepEqual([backoff.next(), backoff.next()], [1_000, 2_000]);
  });
});

describe('the system clock', () => {
  it('calls back once, unless cancelled', async () => {
    const calls: string[] = [];
    const cancel = systemClock.after(1, () => calls.push('cancelled'));
    cancel();
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => {}, 1_000);
      systemClock.after(5, () => {
        calls.push('kept');
        clearInterval(keepAlive);
        resolve();
      });
    });
    assert.deepEqual(calls, ['kept']);
  });

  it('waits also for longer than a timer of Node can', async () => {
    let called = false;
    const cancel = systemClock.after(720 * 3_600_000, () => {
      called = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
    assert.equal(called, false);
  });

  it('never calls back before it is time by its own measure', async () => {
    const keepAlive = setInterval(() => {}, 1_000);
    const early = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const due = systemClock.now() + 1 + i / 7;
        systemClock.after(due - systemClock.now(), resolve);
        await promise;
        return systemClock.now() < due;
      }),
    );
    clearInterval(keepAlive);
    assert.equal(early.filter(Boolean).length, 0);
  });

  it('goes forward', () => {
    const before = systemClock.now();
    assert.ok(systemClock.now() >= before);
    assert.ok(systemClock.date() instanceof Date);
  });
});
