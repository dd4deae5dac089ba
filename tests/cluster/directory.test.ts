import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { routesOf, until, untilRoutes, wireRoute } from '../../src/cluster/cluster.contract.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
import { Folder, TIMING } from './folder.ts';

const A = wireRoute('a', '10.1.0.0/16');
const B = wireRoute('b', '10.2.0.0/16');
const BOTH = 'a=10.1.0.0/16 b=10.2.0.0/16';
const BROKEN = 'kind: StaticRoute\nspec: [\n';

/** `routes.yaml:3 is not valid ...`, one per line. */
function problemsOf({ problems }: ResourceSnapshot): string {
  return problems.map(({ source, line, message }) => `${source}${line === undefined ? '' : `:${line}`} ${message}`).join('\n');
}

function yamlRoute(name: string, subnet: string): string {
  return `apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: ${name}}\nspec: {subnets: [${subnet}], via: {gateway: 10.0.0.1}}\n`;
}

describe('reading a manifests folder', () => {
  it('reads YAML, JSON, several documents, lists and sub-folders; leaves out dot files and other names', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('two.yaml', `# both\n---\n${yamlRoute('a', '10.1.0.0/16')}---\n${yamlRoute('b', '10.2.0.0/16')}---\n`);
    await folder.write(
      'deep/er/stream.json',
      `${JSON.stringify(wireRoute('c', '10.3.0.0/16'))}\n---\n${JSON.stringify(wireRoute('d', '10.4.0.0/16'), null, 1)}`,
    );
    await folder.write(
      'list.yml',
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [wireRoute('e', '10.5.0.0/16'), wireRoute('f', '10.6.0.0/16')] }),
    );
    await folder.write('.hidden.yaml', BROKEN);
    await folder.write('.git/x.yaml', BROKEN);
    await folder.write('notes.txt', BROKEN);
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), `${BOTH} c=10.3.0.0/16 d=10.4.0.0/16 e=10.5.0.0/16 f=10.6.0.0/16`);
    assert.deepEqual(
      snapshot.staticRoutes.map(({ meta }) => meta.source),
      ['deep/er/stream.json:1', 'deep/er/stream.json:3', 'list.yml:1', 'list.yml:1', 'two.yaml:3', 'two.yaml:8'],
    );
    assert.equal(problemsOf(snapshot), '');
  });

  it('names file, line and fix of a broken file, and applies the good ones beside it', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('broken.yaml', BROKEN);
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.match(problemsOf(snapshot), /^broken\.yaml:\d is not valid YAML \(.+\): correct it; nothing of this file is in force$/);
    assert.equal(snapshot.complete, false);
    assert.match(snapshot.incompleteReason ?? '', /broken\.yaml could not be read and has no last good version/);
  });

  it('keeps what a file held when it breaks, until it is repaired', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.yaml', yamlRoute('a', '10.1.0.0/16'));
    await folder.write('b.json', B);
    const source = await folder.start();
    await folder.write('a.yaml', BROKEN);
    const broken = await until(source, 'a.yaml is broken', ({ problems }) => problems.length > 0);
    assert.equal(routesOf(broken), BOTH);
    assert.match(problemsOf(broken), /a\.yaml:\d .*; the last good version from \d{4}-.*Z stays in force$/);
    assert.equal(broken.complete, true);
    await folder.write('a.yaml', '# empty by intent\n');
    assert.equal(problemsOf(await untilRoutes(source, 'b=10.2.0.0/16')), '');
  });

  it('has the good documents of a file in force beside a broken one, whose object it keeps', async (t) => {
    const folder = await Folder.for(t);
    const [a, b] = [yamlRoute('a', '10.1.0.0/16'), yamlRoute('b', '10.2.0.0/16')];
    await folder.write('all.yaml', [a, b].join('---\n'));
    const source = await folder.start();
    await folder.write('all.yaml', [BROKEN, b, yamlRoute('c', '10.3.0.0/16')].join('\n---\n'));
    const broken = await untilRoutes(source, `${BOTH} c=10.3.0.0/16`);
    assert.match(problemsOf(broken), /^all\.yaml:\d .*: correct it; the other documents .* in force, .*: StaticRoute a$/);
    assert.equal(broken.complete, true);
    await folder.write('all.yaml', b);
    assert.equal(problemsOf(await untilRoutes(source, 'b=10.2.0.0/16')), '');
  });

  it('takes names in capitals, too', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('UP.YAML', yamlRoute('a', '10.1.0.0/16'));
    await folder.write('up.Json', B);
    await folder.write('c.YML', yamlRoute('c', '10.3.0.0/16'));
    assert.equal(
      routesOf((await folder.start()).snapshot())
        .split(' ')
        .toSorted()
        .join(' '),
      `${BOTH} c=10.3.0.0/16`,
    );
  });

  it('keeps what a file held that a full disk has emptied', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.yaml', yamlRoute('a', '10.1.0.0/16'));
    await folder.write('b.json', B);
    const source = await folder.start();
    await folder.write('a.yaml', '');
    const emptied = await until(source, 'a.yaml is empty', ({ problems }) => problems.length > 0);
    assert.equal(routesOf(emptied), BOTH);
    assert.match(
      problemsOf(emptied),
      /^a\.yaml has no content, not even a comment: write it again, or delete it; the last good version from/,
    );
  });

  it('says the same value for a file that was touched, and for one that is still broken', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('broken.yaml', BROKEN);
    const source = await folder.start();
    const before = source.snapshot();
    const heard: string[] = [];
    source.watch(() => heard.push(routesOf(source.snapshot())));
    await utimes(folder.at('a.json'), new Date(), new Date());
    await folder.write('broken.yaml', BROKEN);
    await folder.write('a.json', A);
    await sleep(2 * TIMING.quiet); // Gives a wrong announcement the time to come; a right program passes without it.
    assert.equal(source.snapshot(), before);
    await folder.write('b.json', B);
    await untilRoutes(source, BOTH);
    assert.deepEqual(heard, [BOTH]);
  });

  it('reads only what changed', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('b.json', B);
    const source = await folder.start();
    const [a, b] = source.snapshot().staticRoutes;
    await folder.write('b.json', wireRoute('b', '10.9.0.0/16'));
    const { staticRoutes } = await untilRoutes(source, 'a=10.1.0.0/16 b=10.9.0.0/16');
    assert.equal(staticRoutes[0], a);
    assert.notEqual(staticRoutes[1], b);
  });

  it('refuses one file that is too large, is not text, or cannot be opened, and reads the others', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('large.json', ' '.repeat(10_000_000));
    await folder.write('large.yaml', ' '.repeat(5_000_000));
    await folder.write('nul.yaml', 'a: \0');
    await folder.write('latin1.yaml', Buffer.from('name: caf\xe9\n', 'latin1'));
    await symlink('nowhere.yaml', folder.at('link.yaml'));
    await symlink('loop.yaml', folder.at('loop.yaml'));
    await folder.write('stack.yaml', '['.repeat(20_000));
    await mkdir(folder.at('folder.yaml'));
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    const said = problemsOf(snapshot);
    assert.match(said, /^large\.json is 9\.6 MiB large, and at most 8 MiB are read: split it/m);
    assert.match(said, /^large\.yaml is 4\.8 MiB large, and at most 4 MiB are read: split it/m);
    assert.match(said, /^nul\.yaml holds NUL bytes/m);
    assert.match(said, /^latin1\.yaml is not valid UTF-8/m);
    assert.match(said, /^link\.yaml is a link to nothing/m);
    assert.match(said, /^loop\.yaml cannot be read \(ELOOP/m);
    assert.match(said, /^stack\.yaml/m);
    assert.equal(snapshot.problems.length, 7);
  });

  it('names both places of an object that is defined twice, and uses the first', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('x.json', A);
    await folder.write('y.json', wireRoute('a', '10.7.0.0/16'));
    const source = await folder.start();
    assert.equal(
      problemsOf(source.snapshot()),
      'y.json:1 StaticRoute a is already defined at x.json:1, and that one counts: delete one of the two',
    );
    await folder.remove('x.json');
    await untilRoutes(source, 'a=10.7.0.0/16');
  });

  it('says what an unknown kind is, and is complete all the same', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('odd.yaml', 'apiVersion: example.com/v1\nkind: Odd\nmetadata: {name: x}\n');
    const snapshot = (await folder.start()).snapshot();
    assert.match(problemsOf(snapshot), /^odd\.yaml:1 .*Odd/);
    assert.equal(snapshot.complete, true);
  });

  it('survives links that lead back into the folder, and reads no folder twice', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('sub/a.json', A);
    await symlink('..', folder.at('sub/up'));
    await symlink('sub', folder.at('zz-again'));
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), 'a=10.1.0.0/16');
    assert.equal(problemsOf(snapshot), '');
  });

  it('reads a thousand files, and one change among them', async (t) => {
    const folder = await Folder.for(t);
    for (let i = 0; i < 1000; i++) await folder.write(`${i % 10}/r${i}.json`, wireRoute(`r${i}`, `10.${i >> 8}.${i & 255}.0/24`));
    const source = await folder.start();
    assert.equal(source.snapshot().staticRoutes.length, 1000);
    await folder.write('5/r555.json', wireRoute('r555', '172.16.0.0/16'));
    await until(source, 'r555 is changed', (snapshot) => routesOf(snapshot).includes('r555=172.16.0.0/16'));
  });

  it('lives with files that come and go while it reads', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    const source = await folder.start();
    const seen = new Set<string>();
    source.watch(() => seen.add(problemsOf(source.snapshot())));
    for (let round = 0; round < 40; round++) {
      await Promise.all([
        folder.write(`n${round}.json`, wireRoute(`n${round}`, '10.8.0.0/16')),
        unlink(folder.at(`n${round - 1}.json`)).catch(() => {}),
      ]);
    }
    await folder.remove('n39.json');
    await untilRoutes(source, 'a=10.1.0.0/16');
    assert.deepEqual(
      [...seen].filter((text) => !/^$|not valid JSON/.test(text)),
      [],
    );
  });
});

describe('a manifests folder that changes as a whole', () => {
  it('keeps everything when the folder is deleted under its eyes, file by file', async (t) => {
    const folder = await Folder.for(t);
    for (let i = 0; i < 50; i++) await folder.write(`s${i % 5}/${i}.json`, wireRoute(`r${i}`, `10.1.${i}.0/24`));
    const source = await folder.start();
    const counts = new Set<number>();
    source.watch(() => counts.add(source.snapshot().staticRoutes.length));
    await rm(folder.path, { recursive: true });
    const gone = await until(source, 'the folder is missed', ({ complete }) => !complete);
    assert.match(gone.incompleteReason ?? '', /manifests does not exist: create it, or put it back; nothing is removed until then$/);
    assert.match(problemsOf(gone), /does not exist/);
    assert.deepEqual([...counts], [50]);
  });

  it('removes nothing when the folder comes back empty or half full, and catches up when it is whole', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('b.json', B);
    const source = await folder.start();
    const counts = new Set<number>();
    source.watch(() => counts.add(source.snapshot().staticRoutes.length));
    // In one go, so that nobody can see that it was away.
    rmSync(folder.path, { recursive: true });
    mkdirSync(folder.path);
    const empty = await until(source, 'it is empty', ({ incompleteReason }) => /holds no \.yaml/.test(incompleteReason ?? ''));
    assert.equal(routesOf(empty), BOTH);
    await sleep(2 * TIMING.quiet);
    assert.equal(routesOf(source.snapshot()), BOTH);
    await folder.write('b.json', B);
    await folder.write('a.json', A);
    await until(source, 'it is complete', ({ complete }) => complete);
    assert.deepEqual([...counts], [2]);
  });

  it('takes the folder as it is when it has come back and stays', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('b.json', B);
    const source = await folder.start();
    await rename(folder.path, `${folder.path}-old`);
    await until(source, 'it is missed', ({ complete }) => !complete);
    await folder.write('b.json', B);
    const back = await until(source, 'it is complete', ({ complete }) => complete);
    assert.equal(routesOf(back), 'b=10.2.0.0/16');
  });

  it('follows the swap that the kubelet makes for a ConfigMap, without a gap', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('..2027_1/a.json', A);
    await folder.write('..2027_1/b.json', B);
    await symlink('..2027_1', folder.at('..data'));
    await symlink('..data/a.json', folder.at('a.json'));
    await symlink('..data/b.json', folder.at('b.json'));
    const source = await folder.start();
    assert.equal(routesOf(source.snapshot()), BOTH);
    const heard: string[] = [];
    source.watch(() => heard.push(routesOf(source.snapshot())));
    await folder.write('..2027_2/a.json', wireRoute('a', '10.8.0.0/16'));
    await folder.write('..2027_2/b.json', B);
    await symlink('..2027_2', folder.at('..data_tmp'));
    await rename(folder.at('..data_tmp'), folder.at('..data'));
    await rm(folder.at('..2027_1'), { recursive: true });
    await untilRoutes(source, 'a=10.8.0.0/16 b=10.2.0.0/16');
    assert.deepEqual(heard, ['a=10.8.0.0/16 b=10.2.0.0/16']);
  });

  it('follows a link to another release folder', async (t) => {
    const folder = await Folder.for(t);
    for (const [release, route] of [
      ['r1', A],
      ['r2', B],
    ] as const) {
      await mkdir(join(folder.base, release));
      await writeFile(join(folder.base, release, 'x.json'), JSON.stringify(route));
    }
    const current = join(folder.base, 'current');
    await symlink('r1', current);
    const source = await folder.start({ directory: current });
    await symlink('r2', join(folder.base, 'next'));
    await rename(join(folder.base, 'next'), current);
    const swapped = await untilRoutes(source, 'b=10.2.0.0/16');
    assert.equal(swapped.complete, true);
  });

  it('sees no gap when an editor moves a file away and writes it anew, or renames over it', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await folder.write('b.json', B);
    const source = await folder.start();
    const heard: string[] = [];
    source.watch(() => heard.push(routesOf(source.snapshot())));
    await rename(folder.at('a.json'), folder.at('a.json~'));
    await sleep(TIMING.quiet / 4);
    await folder.write('a.json', wireRoute('a', '10.8.0.0/16'));
    await untilRoutes(source, 'a=10.8.0.0/16 b=10.2.0.0/16');
    await folder.write('.a.json.swp', wireRoute('a', '10.9.0.0/16'));
    await rename(folder.at('.a.json.swp'), folder.at('a.json'));
    await untilRoutes(source, 'a=10.9.0.0/16 b=10.2.0.0/16');
    assert.deepEqual(heard, ['a=10.8.0.0/16 b=10.2.0.0/16', 'a=10.9.0.0/16 b=10.2.0.0/16']);
  });

  it('watches folders that are made later', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    const source = await folder.start();
    await mkdir(folder.at('new/deep'), { recursive: true });
    await folder.write('new/deep/b.json', B);
    await untilRoutes(source, BOTH);
    await folder.remove('new');
    await untilRoutes(source, 'a=10.1.0.0/16');
  });

  it('keeps what a folder held that cannot be looked into any more', async (t) => {
    const folder = await Folder.for(t);
    await folder.write('a.json', A);
    await mkdir(join(folder.base, 'disk'));
    await writeFile(join(folder.base, 'disk', 'b.json'), JSON.stringify(B));
    await symlink('../disk', folder.at('mount'));
    const source = await folder.start();
    await rename(join(folder.base, 'disk'), join(folder.base, 'unplugged'));
    await chmod(folder.path, 0o750);
    const without = await until(source, 'the disk is missed', ({ problems }) => problems.length > 0);
    assert.equal(
      problemsOf(without),
      'mount is a link to nothing: put its target back, or delete the link; what was in force stays in force',
    );
    await sleep(2 * TIMING.quiet);
    assert.equal(routesOf(source.snapshot()), BOTH);
  });
});
