import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import type { NodeReport } from '../../src/api/kinds/node-report.ts';
import { ReportFailed } from '../../src/cluster/cluster.ts';
import { openReportFile } from '../../src/cluster/directory/report-file.ts';
import { FileFailed, readIfExists, writeAtomic } from '../../src/runtime/atomic-file.ts';

async function temporary(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-files-'));
  test.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('a file that is replaced as a whole', () => {
  it('makes the folders, sets the mode, and leaves nothing else behind', async (t) => {
    const base = await temporary(t);
    const path = join(base, 'x', 'y', 'state.json');
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    await writeAtomic(path, 'one');
    await writeAtomic(path, 'two');
    assert.equal(await readFile(path, 'utf8'), 'two');
    assert.equal((await stat(path)).mode & 0o777, 0o644);
    assert.deepEqual(await readdir(join(base, 'x', 'y')), ['state.json']);
  });

  it('holds the text of the last call when several overlap, also after one that failed', async (t) => {
    const path = join(await temporary(t), 'f');
    await mkdir(path);
    const failed = assert.rejects(writeAtomic(path, 'never'), FileFailed);
    await failed;
    await rm(path, { recursive: true });
    await Promise.all(Array.from({ length: 20 }, (_, i) => writeAtomic(path, `${i}`)));
    assert.equal(await readFile(path, 'utf8'), '19');
  });

  it('removes what a killed writer left, and nothing of a living one', async (t) => {
    const base = await temporary(t);
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    await writeFile(join(base, `.f.${dead}.1.fairlead-tmp`), 'half');
    await writeFile(join(base, `.f.${process.pid}.7.fairlead-tmp`), 'of an earlier process with our id');
    await writeFile(join(base, `.f.${process.ppid}.1.fairlead-tmp`), 'being written');
    await writeFile(join(base, `.g.${dead}.1.fairlead-tmp`), 'of another file');
    await writeAtomic(join(base, 'f'), 'whole');
    assert.deepEqual((await readdir(base)).toSorted(), [`.f.${process.ppid}.1.fairlead-tmp`, `.g.${dead}.1.fairlead-tmp`, 'f'].toSorted());
  });

  it('names path and fix when it cannot be written or read', async (t) => {
    const base = await temporary(t);
    await writeFile(join(base, 'file'), '');
    await assert.rejects(
      writeAtomic(join(base, 'file', 'x'), ''),
      /cannot write .*\/file\/x \(.*\): make .*\/file a folder, or choose another one/,
    );
    await mkdir(join(base, 'folder'));
    await assert.rejects(readIfExists(join(base, 'folder')), /cannot read .*\/folder \(EISDIR: it is a folder\): move the folder/);
    assert.equal(await readIfExists(join(base, 'nothing')), undefined);
  });
});

describe('a folder that cannot be made', () => {
  it('below /proc is refused, and not tried for ever', async () => {
    await assert.rejects(writeAtomic('/proc/fairlead/deep/f', ''), {
      name: 'FileFailed',
      message: 'cannot write /proc/fairlead/deep/f (ENOENT: /proc takes no new folders): choose another folder',
    });
  });

  it('is told as what it is when it is a link to nothing', async (t) => {
    const base = await temporary(t);
    await symlink('gone/deeper', join(base, 'link'));
    for (const path of [join(base, 'link', 'f'), join(base, 'link', 'sub', 'f')]) {
      await assert.rejects(writeAtomic(path, ''), {
        name: 'FileFailed',
        message: `cannot write ${path} (ENOENT: ${join(base, 'link')} is a link to nothing): create its target, or choose another folder`,
      });
    }
    assert.deepEqual(await readdir(base), ['link']);
  });

  it('is told as what it is when it is a file, by the part of the path that is one', async (t) => {
    const base = await temporary(t);
    await writeFile(join(base, 'file'), '');
    await assert.rejects(writeAtomic(join(base, 'file', 'sub', 'f'), ''), {
      message: `cannot write ${join(base, 'file', 'sub', 'f')} (ENOTDIR: ${join(base, 'file')} is not a folder): make ${join(base, 'file')} a folder, or choose another one`,
    });
  });

  it('is made through a link to a folder, and by several writers at once', async (t) => {
    const base = await temporary(t);
    await mkdir(join(base, 'real'));
    await symlink('real', join(base, 'link'));
    await Promise.all(['a', 'b', 'c'].map((name) => writeAtomic(join(base, 'link', 'x', 'y', name), name)));
    assert.deepEqual((await readdir(join(base, 'real', 'x', 'y'))).toSorted(), ['a', 'b', 'c']);
  });
});

describe('the report file', () => {
  const report = {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'NodeReport',
    metadata: { name: 'n1' },
    status: { lastSync: '2027-01-01T00:00:00Z' },
  };

  it('holds the last report as YAML, and the folder is made', async (t) => {
    const folder = join(await temporary(t), 'run', 'fairlead');
    const sink = openReportFile(folder);
    await sink.write({ ...report, metadata: { name: 'n0' } } as NodeReport);
    await sink.write(report as NodeReport);
    assert.deepEqual(parse(await readFile(join(folder, 'nodereport.yaml'), 'utf8')), report);
    assert.deepEqual(await readdir(folder), ['nodereport.yaml']);
  });

  it('fails as a report does', async (t) => {
    const folder = join(await temporary(t), 'file');
    await writeFile(folder, '');
    await assert.rejects(openReportFile(folder).write(report as NodeReport), ReportFailed);
  });
});
