import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Mounts, parseMountTable } from '../../src/cluster/directory/mounts.ts';

const ROOT = '27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw';
const SHARE = '90 27 0:40 / /m rw shared:5 master:2 - nfs4 10.0.0.1:/export rw,vers=4.2';
const BOUND = '95 27 8:1 /srv/other /m rw - ext4 /dev/sda1 rw';
const BLANK = '96 27 8:1 /a\\040b /m/with\\040blank rw - ext4 /dev/sda1 rw';

/** Only bounds the wait of a run that has already failed. */
const PATIENCE_MS = 60_000;

/** A look at folders, with these mounts. */
function compare(mounts: Mounts, lines: readonly string[], ...folders: readonly string[]): string | undefined {
  return mounts.compare(parseMountTable(`${lines.join('\n')}\n`), folders);
}

/** After one look that nobody doubted. */
function after(lines: readonly string[], ...folders: readonly string[]): Mounts {
  const mounts = new Mounts();
  mounts.accept(parseMountTable(lines.join('\n')), folders);
  return mounts;
}

describe('the table of mounts', () => {
  it('is read as proc(5) has it', () => {
    assert.deepEqual(
      parseMountTable(`${SHARE}\n${BLANK}\n`).map(({ point, source }) => [point, source]),
      [
        ['/m', '10.0.0.1:/export'],
        ['/m/with blank', '/dev/sda1'],
      ],
    );
    assert.deepEqual(parseMountTable(''), []);
  });
});

describe('mounts below the manifests', () => {
  it('are taken as they are at the first look', () => assert.equal(compare(new Mounts(), [ROOT, SHARE], '/m'), undefined));

  const cases: Readonly<Record<string, readonly [readonly string[], readonly string[], readonly string[], string | undefined]>> = {
    'unmounted: the folder itself': [[ROOT, SHARE], [ROOT], ['/m'], '10.0.0.1:/export is no longer mounted on /m'],
    'unmounted: a folder above': [[ROOT, SHARE], [ROOT], ['/m/deep/er'], '10.0.0.1:/export is no longer mounted on /m'],
    'unmounted: a folder or file in it': [[ROOT, BLANK], [ROOT], ['/m'], '/dev/sda1 is no longer mounted on /m/with blank'],
    'mounted over': [[ROOT], [ROOT, BOUND], ['/m'], '/dev/sda1 was mounted on /m'],
    'mounted over with the same once more': [[ROOT, SHARE], [ROOT, SHARE, SHARE], ['/m'], '10.0.0.1:/export was mounted on /m'],
    'mounted again, the same share': [[ROOT, SHARE], [ROOT, SHARE.replace('90 27 0:40', '120 27 0:77')], ['/m'], undefined],
    'mounted with other options': [[ROOT, SHARE], [ROOT, SHARE.replaceAll('rw', 'ro')], ['/m'], undefined],
    'something elsewhere': [[ROOT], [ROOT, SHARE], ['/n', '/mm'], undefined],
  };
  for (const [title, [before, now, folders, expected]] of Object.entries(cases)) {
    it(title, () => assert.equal(compare(after(before, ...folders), now, ...folders), expected));
  }

  it('do not matter when a link leads to a folder that was on another mount all the time', () => {
    assert.equal(compare(after([ROOT, SHARE], '/releases/1'), [ROOT, SHARE], '/m/releases/2'), undefined);
  });

  it('are doubted until they are as before or accepted', () => {
    const mounts = after([ROOT, SHARE], '/m');
    for (let i = 0; i < 2; i++) assert.match(compare(mounts, [ROOT], '/m') ?? '', /no longer mounted/);
    assert.equal(compare(mounts, [ROOT, SHARE], '/m'), undefined);
    mounts.accept(parseMountTable(ROOT), ['/m']);
    assert.equal(compare(mounts, [ROOT], '/m'), undefined);
  });
});

describe('a manifests folder that is mounted', () => {
  it('loses nothing when it is unmounted or mounted over, and counts again when all is back', (t) => {
    const base = mkdtempSync(join(tmpdir(), 'fairlead-remount-'));
    t.after(() => rmSync(base, { recursive: true }));
    const program = join(import.meta.dirname, 'remount-story.ts');
    // In a mount namespace of its own: the mounts end with it.
    const { stdout, stderr } = spawnSync('unshare', ['--mount', process.execPath, program, base], {
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    });
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'a b c',
      'unmounted: a b c stale ? no longer mounted, lacks StaticRoute a and 2 more',
      'mounted again: a b c',
      'mounted over: a b c ? was mounted, lacks StaticRoute b and 1 more',
      'all there: a b c',
      'deleted: a b',
    ]);
  });
});
