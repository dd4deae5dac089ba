import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { file, folder, link, readTar, writeTar } from '../../tools/image/tar.ts';

const LONG = `${'deep/'.repeat(30)}file`;
const folderOfTest = mkdtempSync(join(tmpdir(), 'fairlead-tar-'));
after(() => rmSync(folderOfTest, { recursive: true }));

const tar = (args: readonly string[], input?: Buffer): string =>
  execFileSync('tar', ['--full-time', '--numeric-owner', ...args], { input, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });

describe('an archive', () => {
  it('is read by tar with owner 0, time 0, and the folders above each file', () => {
    const archive = writeTar([link('b/link', '../a'), file('b/program', 'x', 0o755), folder('tmp', 0o1777), file('a', 'text')]);
    const lines = tar(['-tv'], archive).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => line.replaceAll(/ +/g, ' ')),
      [
        '-rw-r--r-- 0/0 4 1970-01-01 00:00:00 a',
        'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 b/',
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 b/link -> ../a',
        '-rwxr-xr-x 0/0 1 1970-01-01 00:00:00 b/program',
        'drwxrwxrwt 0/0 0 1970-01-01 00:00:00 tmp/',
      ],
    );
  });

  it('does not depend on the order of its entries', () => {
    const entries = [file('z', '1'), file('a/b', '2'), link('a/c', 'b')];
    assert.deepEqual(writeTar(entries), writeTar(entries.toReversed()));
  });

  it('holds paths of more than 100 bytes', () => {
    const archive = writeTar([file(LONG, 'text')]);
    assert.match(tar(['-t'], archive), new RegExp(`^${LONG}$`, 'm'));
    assert.ok(readTar(archive).some(({ path }) => path === LONG));
  });

  it('cannot hold two entries of one path, nor what does not fit', () => {
    assert.throws(() => writeTar([file('a', '1'), link('a', 'b')]), /two entries of the archive are named a/);
    assert.throws(() => writeTar([link('a', 'x'.repeat(101))]), /a: "x+" does not fit into a tar header/);
  });

  it('is what was written, when read again', () => {
    const entries = [file('a', 'text', 0o600), folder('d', 0o1777), link('e', 'a')];
    assert.deepEqual(
      readTar(writeTar(entries)).map((entry) => (entry.kind === 'file' ? { ...entry, data: `${Buffer.from(entry.data)}` } : entry)),
      [{ kind: 'file', path: 'a', mode: 0o600, data: 'text' }, ...entries.slice(1)],
    );
  });

  for (const format of ['gnu', 'pax', 'ustar']) {
    it(`of tar's format ${format} is read, with hard links and long names`, () => {
      const root = join(folderOfTest, format);
      mkdirSync(join(root, LONG, '..'), { recursive: true });
      writeFileSync(join(root, LONG), 'long');
      writeFileSync(join(root, 'one'), 'same');
      linkSync(join(root, 'one'), join(root, 'two'));
      symlinkSync('one', join(root, 'three'));
      execFileSync('tar', ['-cf', `${root}.tar`, `--format=${format}`, '-C', root, '.']);
      const entries = readTar(execFileSync('cat', [`${root}.tar`]));
      const found = (path: string) => entries.find((entry) => entry.path === path);
      const text = (path: string) => {
        const entry = found(path);
        return entry?.kind === 'file' ? `${Buffer.from(entry.data)}` : entry;
      };
      assert.deepEqual([LONG, 'one', 'two'].map(text), ['long', 'same', 'same']);
      assert.deepEqual(found('three'), link('three', 'one'));
    });
  }
});
