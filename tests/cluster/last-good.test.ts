import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brokenRoute, routesOf, untilRoutes, wireRoute } from '../../src/cluster/cluster.contract.ts';
import { Folder, TIMING } from './folder.ts';

const A = wireRoute('a', '10.1.0.0/16');
const B = wireRoute('b', '10.2.0.0/16');
const BOTH = 'a=10.1.0.0/16 b=10.2.0.0/16';

/** A folder with two routes, whose agent has run and ended. */
async function afterOneRun(test: TestContext): Promise<Folder> {
  const folder = await Folder.for(test);
  await folder.write('a.json', A);
  await folder.write('b.json', B);
  await (await folder.start()).close();
  return folder;
}

describe('a start from what was kept', () => {
  it('keeps the wire objects by file and line', async (t) => {
    const folder = await afterOneRun(t);
    const kept = JSON.parse(await readFile(folder.lastGood, 'utf8'));
    assert.equal(kept.version, 1);
    assert.ok(Date.parse(kept.asOf));
    assert.deepEqual(
      kept.files.map((file: { path: string; documents: unknown }) => [file.path, file.documents]),
      [
        ['a.json', [{ line: 1, object: A }]],
        ['b.json', [{ line: 1, object: B }]],
      ],
    );
  });

  for (const [what, prepare] of [
    ['missing', (folder: Folder) => rm(folder.path, { recursive: true })],
    ['empty', (folder: Folder) => Promise.all([folder.remove('a.json'), folder.remove('b.json')])],
  ] as const) {
    it(`has the last good resources with a ${what} folder, and says how old they are`, async (t) => {
      const folder = await afterOneRun(t);
      const { asOf } = JSON.parse(await readFile(folder.lastGood, 'utf8'));
      await prepare(folder);
      const snapshot = (await folder.start()).snapshot();
      assert.equal(routesOf(snapshot), BOTH);
      assert.equal(snapshot.complete, false);
      assert.equal(snapshot.asOf, asOf);
      assert.match(snapshot.incompleteReason ?? '', /nothing is removed until then$/);
      assert.equal(snapshot.problems.length, 1);
    });
  }

  it('uses the last good version of a broken file and of an invalid object, and is complete with them', async (t) => {
    const folder = await afterOneRun(t);
    await folder.write('a.json', '{"kind": ');
    await folder.write('elsewhere.json', brokenRoute('b'));
    await folder.remove('b.json');
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), BOTH);
    assert.equal(snapshot.complete, true);
    assert.equal(snapshot.invalid[0]?.lastGoodInForce, true);
    assert.match(snapshot.problems[0]?.message ?? '', /^is not valid JSON .* the last good version from .* stays in force$/);
  });

  it('is incomplete with a broken file that is new, until it can be read once; then it stays complete', async (t) => {
    const folder = await afterOneRun(t);
    await folder.write('c.json', '{');
    await folder.remove('b.json');
    const source = await folder.start();
    assert.equal(source.snapshot().complete, false);
    assert.equal(routesOf(source.snapshot()), BOTH);
    await folder.write('c.json', wireRoute('c', '10.3.0.0/16'));
    assert.equal((await untilRoutes(source, 'a=10.1.0.0/16 c=10.3.0.0/16')).complete, true);
  });

  it('waits for a file that was taken away a moment before the start', async (t) => {
    const folder = await afterOneRun(t);
    await folder.remove('b.json');
    const source = folder.open();
    const heard: string[] = [];
    source.watch(() => heard.push(routesOf(source.snapshot())));
    const started = source.start();
    await sleep(TIMING.quiet / 4);
    await folder.write('b.json', B);
    await started;
    assert.equal(routesOf(source.snapshot()), BOTH);
    assert.equal(heard.includes('a=10.1.0.0/16'), false);
  });

  it('keeps an object whose kind was misspelled while no agent ran', async (t) => {
    const folder = await afterOneRun(t);
    await folder.write('b.json', { ...B, kind: 'StaticRout' });
    const snapshot = (await folder.start()).snapshot();
    assert.equal(routesOf(snapshot), BOTH);
    assert.match(snapshot.problems[0]?.message ?? '', /so it stays in force: StaticRoute b$/);
  });

  it('puts a damaged file aside, says so once, and starts without it', async (t) => {
    for (const damage of ['{"version":1,"files":[{"path"', '{"version":2,"files":[]}', 'null']) {
      const folder = await afterOneRun(t);
      await writeFile(folder.lastGood, damage);
      const snapshot = (await folder.start()).snapshot();
      assert.equal(routesOf(snapshot), BOTH);
      assert.equal(folder.warnings.length, 1);
      assert.match(folder.warnings[0] ?? '', /last-good\.json is damaged .* kept as .*\.corrupt$/);
      assert.equal(await readFile(`${folder.lastGood}.corrupt`, 'utf8'), damage);
    }
  });

  it('works on with one warning when the state folder cannot be written', async (t) => {
    const folder = await Folder.for(t);
    await writeFile(dirname(folder.lastGood), 'a file, not a folder');
    await folder.write('a.json', A);
    const source = await folder.start();
    await folder.write('b.json', B);
    await untilRoutes(source, BOTH);
    await source.close();
    assert.equal(folder.warnings.filter((text) => /cannot be kept for a restart: cannot write/.test(text)).length, 1);
  });

  it('forgets what is not valid for this version of the program', async (t) => {
    const folder = await Folder.for(t);
    const files = [
      { path: 'a.json', readAt: '2027-01-01T00:00:00.000Z', unrecognised: 0, documents: [{ line: 1, object: brokenRoute('a') }] },
    ];
    await mkdir(dirname(folder.lastGood));
    await writeFile(folder.lastGood, JSON.stringify({ version: 1, files }));
    assert.equal(routesOf((await folder.start()).snapshot()), '');
  });

  it('leaves one file in the state folder', async (t) => {
    const folder = await afterOneRun(t);
    assert.deepEqual(await readdir(dirname(folder.lastGood)), ['last-good.json']);
  });
});
