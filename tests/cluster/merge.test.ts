import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDocument } from '../../src/api/parse.ts';
import { brokenRoute, routesOf, type WireObject, wireOverlayIP, wireRoute } from '../../src/cluster/cluster.contract.ts';
import type { Reading } from '../../src/cluster/directory/document.ts';
import { type FolderView, mergeFolder } from '../../src/cluster/directory/merge.ts';
import { decodeLastGood, encodeLastGood } from '../../src/cluster/last-good.ts';
import { EMPTY_MEMORY, type Memory, sameSnapshot } from '../../src/cluster/memory.ts';

const A = wireRoute('a', '10.1.0.0/16');
const B = wireRoute('b', '10.2.0.0/16');
const UNKNOWN = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRout', metadata: { name: 'a' } };
const T1 = '2027-01-01T00:00:01.000Z';
const T2 = '2027-01-01T00:00:02.000Z';

type Content = readonly (WireObject | object | typeof BAD)[] | string;

/** A document that is not understood, among others that are. */
const BAD = 'is not valid YAML';

/** A folder: per path its objects and broken documents, or why it cannot be read. */
function folder(
  content: Readonly<Record<string, Content>>,
  state: { quiet?: boolean; returned?: boolean; hidden?: string; remounted?: string } = {},
): FolderView {
  const files = Object.entries(content).map(([path, objects]) => ({ path, reading: readingOf(path, objects) }));
  const hiddenFolders = state.hidden === undefined ? [] : [{ path: state.hidden, message: 'cannot be read' }];
  const remounted = state.remounted === undefined ? {} : { remounted: state.remounted };
  return {
    type: 'present',
    directory: '/m',
    files,
    hiddenFolders,
    quiet: state.quiet ?? true,
    returned: state.returned ?? false,
    ...remounted,
  };
}

function readingOf(path: string, content: Content): Reading {
  if (typeof content === 'string') return { type: 'unreadable', message: content };
  const all = content.map((raw, i) => ({ line: i + 1, raw, parsed: parseDocument(raw, `${path}:${i + 1}`) }));
  const broken = all.filter(({ raw }) => raw === BAD).map(({ line }) => ({ line, fault: BAD }));
  return { type: 'documents', documents: all.filter(({ raw }) => raw !== BAD), ...(broken.length > 0 && { broken }), readAt: T1 };
}

/** A story: each view in turn; after each, what is in force, `?` when incomplete, `...` when a removal waits. */
function tell(memory: Memory, ...views: readonly FolderView[]): readonly string[] {
  let last = memory;
  return views.map((view) => {
    const { memory: next, snapshot, waiting } = mergeFolder(last, view, T2);
    last = next;
    return `${routesOf(snapshot)}${snapshot.complete ? '' : ' ?'}${waiting ? ' ...' : ''}`.trim();
  });
}

function after(...views: readonly FolderView[]): Memory {
  return views.reduce((memory, view) => mergeFolder(memory, view, T1).memory, EMPTY_MEMORY);
}

const MISSING: FolderView = { type: 'missing', directory: '/m', message: 'does not exist' };
const ONLY_A = 'a=10.1.0.0/16';
const ONLY_B = 'b=10.2.0.0/16';
const BOTH = `${ONLY_A} ${ONLY_B}`;

describe('a file of which one document is broken', () => {
  it('has its other documents in force, new and changed ones too, and keeps what the broken one may have held', () => {
    const story = tell(
      after(folder({ f: [A, B] })),
      folder({ f: [BAD, wireRoute('b', '10.2.0.0/16', '10.3.0.0/16'), wireRoute('c', '10.4.0.0/16')] }),
    );
    assert.deepEqual(story, [`${ONLY_A} b=10.2.0.0/16,10.3.0.0/16 c=10.4.0.0/16`]);
  });

  it('takes nothing away, of any of its documents, however quiet it is', () => {
    const two = wireRoute('b', '10.2.0.0/16', '10.3.0.0/16');
    const story = tell(after(folder({ f: [A, two] })), folder({ f: [BAD, B] }), folder({ f: [BAD] }), folder({ f: [B] }));
    const kept = `${ONLY_A} b=10.2.0.0/16,10.3.0.0/16`;
    assert.deepEqual(story, [kept, kept, ONLY_B]);
  });

  it('leaves an object with its owner: a copy further down, which did not count, takes over no more than it holds', () => {
    const copy = wireRoute('a', '10.9.0.0/16');
    const story = tell(after(folder({ f: [A, copy] })), folder({ f: [BAD, copy] }));
    assert.deepEqual(story, [ONLY_A]);
  });

  it('is told with its line, and with what stays', () => {
    const { snapshot } = mergeFolder(after(folder({ f: [A, B] })), folder({ f: [B, BAD] }), T2);
    assert.deepEqual(snapshot.problems, [
      {
        source: 'f',
        line: 2,
        message: `${BAD}; the other documents of this file are in force, and nothing is taken away of what stood here before: StaticRoute a`,
      },
    ]);
  });

  it('is an obstacle to completeness at the first look, at the next ones, and after a restart', () => {
    const views = [folder({ f: [A, BAD] }), folder({ f: [A, BAD] })];
    assert.deepEqual(tell(EMPTY_MEMORY, ...views), [`${ONLY_A} ?`, `${ONLY_A} ?`]);
    const restarted = decodeLastGood(encodeLastGood(after(...views)));
    assert.deepEqual(tell(restarted, ...views, folder({ f: [A] })), [`${ONLY_A} ?`, `${ONLY_A} ?`, ONLY_A]);
  });

  it('is no obstacle when it was understood in full once', () => {
    const restarted = decodeLastGood(encodeLastGood(after(folder({ f: [A, B] }))));
    assert.deepEqual(tell(restarted, folder({ f: [A, BAD] })), [BOTH]);
  });
});

describe('a folder that was mounted or unmounted', () => {
  const remounted = 'nfs:/x is no longer mounted on /m';

  it('keeps what it lacks, subnets too, however quiet it is, and says what to do', () => {
    const two = wireRoute('b', '10.2.0.0/16', '10.3.0.0/16');
    const memory = after(folder({ a: [A], b: [two] }));
    const kept = `${ONLY_A} b=10.2.0.0/16,10.3.0.0/16 ?`;
    const story = tell(
      memory,
      folder({ b: [B] }, { remounted, returned: true }),
      folder({ b: [B] }, { remounted }),
      folder({}, { remounted }),
    );
    assert.deepEqual(story, [kept, kept, kept]);
    const { snapshot } = mergeFolder(memory, folder({ b: [B] }, { remounted }), T2);
    assert.equal(
      snapshot.incompleteReason,
      'nfs:/x is no longer mounted on /m, and the manifests folder /m lacks what was there before (StaticRoute a and 1 more): undo that, or restart the agent when the folder is right as it is; nothing is removed until then',
    );
  });

  it('counts when it holds all that was there, and then removals do', () => {
    const story = tell(after(folder({ a: [A], b: [B] })), folder({ x: [A, B] }, { remounted }), folder({ x: [B] }));
    assert.deepEqual(story, [BOTH, ONLY_B]);
  });

  it('is accepted only when nothing lacks and all of it was read', () => {
    const memory = after(folder({ a: [A], b: [B] }));
    const accepted = (view: FolderView): boolean => mergeFolder(memory, view, T2).nothingLacks;
    assert.equal(accepted(folder({ a: [A], b: [B] }, { remounted })), true);
    assert.equal(accepted(folder({ a: [A] }, { remounted })), false);
    assert.equal(accepted(folder({ a: [A], b: 'is broken' }, { remounted })), false);
    assert.equal(accepted(folder({ a: [A], b: [B, BAD] }, { remounted })), false);
    assert.equal(accepted(MISSING), false);
  });
});

describe('overlay objects that have lost entries', () => {
  const address = (...addresses: readonly string[]) => wireOverlayIP('n1', ...addresses);
  const pool = (...subnets: readonly string[]) => ({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'OverlayPool',
    metadata: { name: 'default' },
    spec: { ipam: { cluster: { ranges: subnets.map((subnet) => ({ subnet, gateway: subnet.replace('.0/24', '.1') })) } } },
  });
  const BOTH_ADDRESSES = ['192.168.100.4/24', '2001:db8::4/64'] as const;
  const inForce = (memory: Memory): string =>
    [...memory.objects.values()]
      .flatMap(({ resource }) => {
        const found = resource();
        if (found?.type === 'node-overlay-ip') return [found.value.addresses.length];
        return found?.type === 'overlay-pool' && found.value.ipam.type === 'cluster' ? [found.value.ipam.ranges.length] : [];
      })
      .join();
  const full = { f: [address(...BOTH_ADDRESSES), pool('192.168.100.0/24', '192.168.101.0/24')] };
  const less = { f: [address('192.168.100.4/24'), pool('192.168.100.0/24')] };

  it('keep them until the folder is quiet: the file may be half-written', () => {
    const soon = mergeFolder(after(folder(full)), folder(less, { quiet: false }), T2);
    assert.deepEqual([inForce(soon.memory), soon.waiting], ['2,2', true]);
    const later = mergeFolder(soon.memory, folder(less), T2);
    assert.deepEqual([inForce(later.memory), later.waiting], ['1,1', false]);
  });

  it('have new ones at once', () => {
    const { memory } = mergeFolder(after(folder(less)), folder(full, { quiet: false }), T2);
    assert.equal(inForce(memory), '2,2');
  });
});

describe('what is in force', () => {
  it('removes after the quiet time, and only what is still gone then', () => {
    const full = { a: [A], b: [B] };
    const story = tell(
      after(folder(full)),
      folder({ a: [A] }, { quiet: false }),
      folder(full, { quiet: false }),
      folder({ a: [A] }, { quiet: false }),
      folder({ a: [A] }),
    );
    assert.deepEqual(story, [`${BOTH} ...`, BOTH, `${BOTH} ...`, ONLY_A]);
  });

  it('moves an object from file to file without a wait or a gap', () => {
    assert.deepEqual(tell(after(folder({ a: [A, B] })), folder({ a: [A], z: [B] }, { quiet: false })), [BOTH]);
  });

  it('prefers the live copy of an object to the one that its broken file had', () => {
    const merged = mergeFolder(after(folder({ a: [A, B] })), folder({ a: 'is broken', z: [wireRoute('a', '10.9.0.0/16')] }), T2);
    assert.equal(routesOf(merged.snapshot), `a=10.9.0.0/16 ${ONLY_B}`);
    assert.equal(merged.snapshot.problems.length, 1);
  });

  it('lets the first place own an object, also when what stands there is not valid', () => {
    const merged = mergeFolder(
      after(folder({ a: [A], z: [wireRoute('a', '10.9.0.0/16')] })),
      folder({ a: [brokenRoute('a')], z: [wireRoute('a', '10.9.0.0/16')] }),
      T2,
    );
    assert.equal(routesOf(merged.snapshot), ONLY_A);
    assert.equal(merged.snapshot.invalid[0]?.lastGoodInForce, true);
  });

  it('keeps the last good version through a file that is first invalid, then broken', () => {
    assert.deepEqual(tell(after(folder({ a: [A] })), folder({ a: [brokenRoute('a')] }), folder({ a: 'is broken' }), folder({ a: [] })), [
      ONLY_A,
      ONLY_A,
      '',
    ]);
  });

  it('keeps everything of a missing folder, and starts anew when it is back', () => {
    const known = after(folder({ a: [A], b: [B] }));
    const story = tell(
      known,
      MISSING,
      folder({}, { quiet: true }),
      folder({ b: 'is broken' }, { quiet: true }),
      folder({ b: [B] }, { quiet: false }),
      folder({ b: [B] }),
    );
    assert.deepEqual(story, [`${BOTH} ?`, `${BOTH} ?`, BOTH.replace(`${ONLY_A} `, ''), ONLY_B, ONLY_B]);
  });

  it('is not fooled by another folder of the same name', () => {
    const known = after(folder({ a: [A], b: [B] }));
    assert.deepEqual(tell(known, folder({}, { returned: true }), folder({})), [`${BOTH} ?`, `${BOTH} ?`]);
    assert.deepEqual(tell(known, folder({ a: [A] }, { returned: true, quiet: false }), folder({ a: [A] })), [`${BOTH} ? ...`, ONLY_A]);
  });

  it('believes a folder that became empty while it stayed', () => {
    assert.deepEqual(tell(after(folder({ a: [A] })), folder({}, { quiet: false }), folder({})), [`${ONLY_A} ...`, '']);
  });

  it('keeps what a hidden folder held, and does not begin complete with one', () => {
    const known = after(folder({ 'x/a': [A], b: [B] }));
    assert.deepEqual(tell(known, folder({ b: [B] }, { hidden: 'x' }), folder({}, { hidden: '' })), [BOTH, BOTH]);
    assert.deepEqual(tell(EMPTY_MEMORY, folder({ b: [B] }, { hidden: 'x' })), [`${ONLY_B} ?`]);
    assert.deepEqual(tell(known, folder({ xa: [A], b: [B] }, { hidden: 'x' })), [BOTH]);
  });

  it('stays complete with whatever comes later', () => {
    assert.deepEqual(tell(after(folder({ a: [A] })), folder({ a: [A], c: 'is broken' }), folder({ a: [A], c: [brokenRoute('c')] })), [
      ONLY_A,
      ONLY_A,
    ]);
  });

  it('keeps an object that became unrecognisable until it is clear what the document is', () => {
    const story = tell(after(folder({ a: [A, B] })), folder({ a: [UNKNOWN, B] }), folder({ a: [UNKNOWN, B] }), folder({ a: [B] }));
    assert.deepEqual(story, [BOTH, BOTH, ONLY_B]);
  });

  it('removes an object beside a document that was never recognised', () => {
    assert.deepEqual(tell(after(folder({ a: [A, UNKNOWN, B] })), folder({ a: [UNKNOWN, B] })), [ONLY_B]);
  });

  it('says the same while the same file is broken in the same way', () => {
    const first = mergeFolder(after(folder({ a: [A], b: [B] })), folder({ a: 'is broken', b: [B] }), T1);
    const second = mergeFolder(first.memory, folder({ a: 'is broken', b: 'is broken' }), T2);
    const third = mergeFolder(second.memory, folder({ a: 'is broken', b: 'is broken' }), '2027-01-01T00:00:03.000Z');
    assert.equal(sameSnapshot(first.snapshot, second.snapshot), false);
    assert.equal(sameSnapshot(second.snapshot, third.snapshot), true);
    assert.match(third.snapshot.problems[0]?.message ?? '', new RegExp(`the last good version from ${T1} stays`));
  });

  it('dates a snapshot by the last time that everything was read', () => {
    const known = after(folder({ a: [A] }));
    assert.equal(mergeFolder(known, folder({ a: 'is broken' }), T2).snapshot.asOf, T1);
    assert.equal(mergeFolder(known, MISSING, T2).snapshot.asOf, T1);
    assert.equal(mergeFolder(known, folder({ a: [A] }), T2).snapshot.asOf, T2);
  });
});
