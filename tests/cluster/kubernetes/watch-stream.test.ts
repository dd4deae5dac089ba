import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, isGone, type WatchEvent } from '../../../src/cluster/api-client.ts';
import { watchEvents } from '../../../src/cluster/kubernetes/watch-stream.ts';
import { ROUTES, received, route } from './setting.ts';

const question = { words: 'watch staticroutes', server: 'https://10.0.0.1' };
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const added = (name: string, more = {}) => ({ type: 'ADDED', object: received(name, '1', more) });

async function* feed(chunks: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** The batches, and how it ended. */
async function read(...chunks: readonly (string | Buffer)[]): Promise<{ batches: (readonly WatchEvent[])[]; error: unknown }> {
  const batches: (readonly WatchEvent[])[] = [];
  try {
    for await (const batch of watchEvents(feed(chunks), ROUTES, question)) batches.push(batch);
    return { batches, error: undefined };
  } catch (error) {
    return { batches, error };
  }
}

describe('a watch', () => {
  it('answers the events of each chunk together', async () => {
    const { batches, error } = await read(
      line('ADDED', route('a')) + line('MODIFIED', route('a', '2')),
      line('DELETED', route('a', '3')) + line('BOOKMARK', { kind: 'StaticRoute', metadata: { resourceVersion: '9' } }),
    );
    assert.equal(error, undefined);
    assert.deepEqual(batches, [
      [added('a'), { type: 'MODIFIED', object: received('a', '2') }],
      [
        { type: 'DELETED', object: received('a', '3') },
        { type: 'BOOKMARK', resourceVersion: '9' },
      ],
    ]);
  });

  it('puts together what comes byte by byte, in whatever script it is written', async () => {
    const text = line('ADDED', route('a', '1', { spec: { note: 'Grüße, 世界 🌍' } })) + line('ADDED', route('b'));
    const { batches, error } = await read(...[...Buffer.from(text)].map((byte) => Buffer.of(byte)));
    assert.equal(error, undefined);
    assert.deepEqual(batches, [[added('a', { spec: { note: 'Grüße, 世界 🌍' } })], [added('b')]]);
  });

  it('reads long lines in time that grows with their length, not with its square', async () => {
    // A concatenation per chunk would copy 34 GB.
    const note = 'x'.repeat(4 << 20);
    const bytes = Buffer.from(line('ADDED', route('a', '1', { note })));
    const chunks = Array.from({ length: Math.ceil(bytes.length / 256) }, (_, i) => bytes.subarray(i * 256, (i + 1) * 256));
    const { batches } = await read(...chunks);
    assert.deepEqual(batches, [[added('a', { note })]]);
  });

  it('is over when it ends between lines', async () => {
    assert.deepEqual(await read(), { batches: [], error: undefined });
    assert.deepEqual(await read('\n'), { batches: [], error: undefined });
  });

  it('breaks off when it ends within a line, and the part is dropped', async () => {
    const { batches, error } = await read(line('ADDED', route('a')), line('DELETED', route('a')).slice(0, -1));
    assert.deepEqual(batches, [[added('a')]]);
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, 'Unreachable');
    assert.equal(error.message, 'cannot watch staticroutes: https://10.0.0.1 ended the watch in the middle of an event');
  });

  it('ends with what the server says in an ERROR event, after what came before it', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (4)' };
    const { batches, error } = await read(line('ADDED', route('a')) + line('ERROR', status) + line('ADDED', route('b')));
    assert.deepEqual(batches, [[added('a')]]);
    assert.ok(isGone(error));
    assert.match(String(error), /ends the watch with 410: too old resource version: 1 \(4\)$/);
  });

  it('ends with other ERROR events, and how long to wait', async () => {
    const { error } = await read(line('ERROR', { kind: 'Status', code: 429, details: { retryAfterSeconds: 5 } }));
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.reason, error.retryAfter], [429, 'TooManyRequests', 5000]);
  });

  for (const [what, text] of [
    ['no JSON', 'hello\n'],
    ['an unknown type', line('RENAMED', route('a'))],
    ['no object', line('ADDED', null)],
    ['an object without a name', line('ADDED', { metadata: { uid: 'u', resourceVersion: '1' } })],
    ['a bookmark without a version', line('BOOKMARK', { metadata: {} })],
    ['an ERROR without a Status', line('ERROR', { message: 'no' })],
    ['a list', '[]\n'],
  ] as const) {
    it(`is malformed when it says ${what}`, async () => {
      const { batches, error } = await read(line('ADDED', route('a')) + text);
      assert.deepEqual(batches, [[added('a')]]);
      assert.ok(error instanceof ApiError);
      assert.equal(error.reason, 'Malformed');
    });
  }
});
