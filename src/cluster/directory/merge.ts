import type { ResourceSnapshot, SourceProblem } from '../../core/resources.ts';
import { type InForce, type KnownFile, type Memory, snapshotOf } from '../memory.ts';
import { isUsable, keyOf, type Usable } from '../usable.ts';
import type { Document, Reading } from './document.ts';
import * as say from './messages.ts';
import type { Hidden } from './scan.ts';

/** The folder as it is now. */
export type FolderView =
  | { readonly type: 'missing'; readonly directory: string; readonly message: string }
  | {
      readonly type: 'present';
      readonly directory: string;
      /** Sorted by path. */
      readonly files: readonly FileView[];
      readonly hiddenFolders: readonly Hidden[];
      /** Nothing has changed for the quiet time, so what is not there was really taken away. */
      readonly quiet: boolean;
      /** It is another folder than last time, or was away in between. */
      readonly returned: boolean;
      /** What was mounted or unmounted there, and is not yet accepted: then nobody has taken away what is missing. */
      readonly remounted?: string;
    };

export interface FileView {
  readonly path: string;
  readonly reading: Reading;
}

export interface Merged {
  readonly memory: Memory;
  readonly snapshot: ResourceSnapshot;
  /** Something is missing from the folder and stays in force only until the folder has been quiet. */
  readonly waiting: boolean;
  /** All that is in force is in the folder. */
  readonly nothingLacks: boolean;
}

/**
 * What is in force, given the folder as it is and what was in force before. Pure; `now` is ISO 8601.
 * Additions and changes count at once; nothing is taken away before the folder is quiet and everything in it was readable once.
 */
export function mergeFolder(memory: Memory, view: FolderView, now: string): Merged {
  if (view.type === 'missing') return mergeMissing(memory, view);
  const claims = claimObjects(view.files);
  const present = presentObjects(memory, claims, view);
  const absent = sortAbsent(memory, view, claims);
  const lacking = [...absent.removed, ...present.shrinking];
  const doubt = view.remounted !== undefined && lacking.length > 0 ? say.remounted(view.directory, view.remounted, lacking) : undefined;
  const obstacle = doubt ?? (memory.complete && !view.returned ? undefined : obstacleTo(memory, view, present.invalid));
  const waiting = obstacle === undefined && lacking.length > 0 && !view.quiet;
  const complete = obstacle === undefined && (!waiting || (memory.complete && !view.returned));
  const dropped = new Set(complete && view.quiet ? absent.removed : []);

  const objects = new Map(present.objects);
  for (const [key, object] of memory.objects) if (!claims.owners.has(key) && !dropped.has(key)) objects.set(key, object);
  const files = nextFiles(memory, view, absent, complete && view.quiet);
  const asOf = isReadInFull(view) && (complete || view.files.length > 0) ? now : memory.asOf;
  const reason = complete ? undefined : (obstacle ?? say.notQuiet(view.directory));
  const problems = [...folderProblems(memory, view), ...fileProblems(memory, view, absent, present), ...claims.duplicates];
  const next: Memory = { complete, objects, files, ...(asOf === undefined ? {} : { asOf }) };
  const nothingLacks = lacking.length === 0 && isReadInFull(view);
  return { memory: next, snapshot: snapshotOf(next, { invalid: present.invalid, problems, reason }), waiting, nothingLacks };
}

function mergeMissing(memory: Memory, view: Extract<FolderView, { type: 'missing' }>): Merged {
  const next: Memory = { ...memory, complete: false };
  const problem: SourceProblem = { source: view.directory, message: say.missingProblem(view.message) };
  return {
    memory: next,
    snapshot: snapshotOf(next, { invalid: [], problems: [problem], reason: say.missing(view.directory, view.message) }),
    waiting: false,
    nothingLacks: false,
  };
}

interface Claims {
  /** The document that speaks for each object: the first by path, then line. */
  readonly owners: ReadonlyMap<string, Owner>;
  readonly duplicates: readonly SourceProblem[];
}

interface Owner {
  readonly path: string;
  readonly document: Document;
}

function claimObjects(files: readonly FileView[]): Claims {
  const owners = new Map<string, Owner>();
  const duplicates: SourceProblem[] = [];
  for (const { path, reading } of files) {
    if (reading.type !== 'documents') continue;
    for (const document of reading.documents) {
      const key = keyOf(document.parsed);
      if (key === undefined) continue;
      const first = owners.get(key);
      if (first === undefined) owners.set(key, { path, document });
      else duplicates.push({ source: path, line: document.line, message: say.duplicate(key, first.path, first.document.line) });
    }
  }
  return { owners, duplicates };
}

interface Present {
  readonly objects: ReadonlyMap<string, InForce>;
  readonly invalid: ResourceSnapshot['invalid'];
  /** Objects that have lost entries of their lists: that waits for quiet, since the file may be half-written. */
  readonly shrinking: readonly string[];
  /** Objects that keep their entries because another document of their file is broken, and may be about them. */
  readonly held: readonly string[];
}

/** The objects that stand in the folder; one that is not valid has its last good version in force, wherever that stood. */
function presentObjects(memory: Memory, claims: Claims, view: Extract<FolderView, { type: 'present' }>): Present {
  const objects = new Map<string, InForce>();
  const invalid: ResourceSnapshot['invalid'][number][] = [];
  const doubtful = new Set(view.files.filter(({ reading }) => !isWhole(reading)).map(({ path }) => path));
  const held: string[] = [];
  const shrinking: string[] = [];
  for (const [key, { path, document }] of claims.owners) {
    const { line, raw, parsed } = document;
    const lastGood = memory.objects.get(key);
    if (isUsable(parsed)) {
      const shrinks = lastGood !== undefined && lastGood.raw !== raw && losesEntries(lastGood.resource(), parsed);
      const inDoubt = shrinks && lastGood.path === path && doubtful.has(path);
      const tooEarly = shrinks && !inDoubt && (!view.quiet || view.remounted !== undefined);
      if (inDoubt) held.push(key);
      if (tooEarly) shrinking.push(key);
      objects.set(key, shrinks && (inDoubt || tooEarly) ? lastGood : { path, line, raw, resource: () => parsed });
    }
    if (parsed.type !== 'invalid') continue;
    const lastGoodInForce = lastGood?.resource() !== undefined;
    if (lastGood !== undefined && lastGoodInForce) objects.set(key, { ...lastGood, path, line });
    invalid.push({ meta: parsed.meta, message: parsed.message, lastGoodInForce });
  }
  return { objects, invalid, shrinking, held };
}

/** Whether a new version lacks what the old one gives a node. A file that is cut at the end of a line is often valid. */
function losesEntries(before: Usable | undefined, after: Usable): boolean {
  if (before?.type !== after.type) return false;
  const kept = new Set(entriesOf(after));
  return entriesOf(before).some((entry) => !kept.has(entry));
}

function entriesOf(resource: Usable): readonly string[] {
  switch (resource.type) {
    case 'static-route':
      return resource.value.subnets.map((prefix) => prefix.text);
    case 'node-overlay-ip':
      return resource.value.addresses.map(({ address }) => address.text);
    case 'overlay-pool':
      return resource.value.ipam.type === 'cluster' ? resource.value.ipam.ranges.map(({ subnet }) => subnet.text) : [];
    default:
      return [];
  }
}

interface Absent {
  /** Keys of objects that are gone from files which can be read, or whose file is gone. */
  readonly removed: readonly string[];
  /** Per file: objects that went missing in the same edit that made a document unrecognisable. It may be theirs, so they stay. */
  readonly doubtful: ReadonlyMap<string, readonly string[]>;
}

function sortAbsent(memory: Memory, view: Extract<FolderView, { type: 'present' }>, claims: Claims): Absent {
  const readings = new Map(view.files.map(({ path, reading }) => [path, reading]));
  const removed: string[] = [];
  const doubtful = new Map<string, string[]>();
  for (const [key, { path }] of memory.objects) {
    if (claims.owners.has(key) || isHidden(view, path)) continue;
    const reading = readings.get(path);
    if (reading !== undefined && !isWhole(reading)) continue;
    const before = memory.files.get(path)?.unrecognised ?? 0;
    if (reading !== undefined && unrecognisedIn(reading) > before) doubtful.set(path, [...(doubtful.get(path) ?? []), key]);
    else removed.push(key);
  }
  return { removed, doubtful };
}

function isHidden(view: Extract<FolderView, { type: 'present' }>, path: string): boolean {
  return view.hiddenFolders.some((folder) => folder.path === '' || path.startsWith(`${folder.path}/`));
}

/** Whether all that the file holds was understood as far as documents can be told apart. */
function isWhole(reading: Reading): reading is Extract<Reading, { type: 'documents' }> {
  return reading.type === 'documents' && reading.broken === undefined;
}

function unrecognisedIn(reading: Reading): number {
  return reading.type === 'documents' ? reading.documents.filter(({ parsed }) => parsed.type === 'problem').length : 0;
}

/** Why the folder cannot be called complete for the first time; undefined when it can. */
function obstacleTo(
  memory: Memory,
  view: Extract<FolderView, { type: 'present' }>,
  invalid: ResourceSnapshot['invalid'],
): string | undefined {
  const folder = view.hiddenFolders[0];
  if (folder !== undefined) return say.folderObstacle(view.directory, folder);
  if (view.files.length === 0) return say.empty(view.directory);
  const file = view.files.find(({ path, reading }) => !isWhole(reading) && !memory.files.has(path));
  if (file !== undefined) return say.fileObstacle(file.path);
  const object = invalid.find(({ lastGoodInForce }) => !lastGoodInForce);
  return object === undefined ? undefined : say.objectObstacle(object.meta);
}

function isReadInFull(view: Extract<FolderView, { type: 'present' }>): boolean {
  return view.hiddenFolders.length === 0 && view.files.every(({ reading }) => isWhole(reading));
}

function nextFiles(
  memory: Memory,
  view: Extract<FolderView, { type: 'present' }>,
  absent: Absent,
  forgetting: boolean,
): ReadonlyMap<string, KnownFile> {
  const files = new Map<string, KnownFile>();
  const listed = new Set(view.files.map(({ path }) => path));
  for (const [path, file] of memory.files) if (!forgetting || listed.has(path) || isHidden(view, path)) files.set(path, file);
  for (const { path, reading } of view.files) {
    if (!isWhole(reading)) continue;
    const before = absent.doubtful.has(path) ? memory.files.get(path)?.unrecognised : undefined;
    files.set(path, { readAt: reading.readAt, unrecognised: before ?? unrecognisedIn(reading) });
  }
  return files;
}

function folderProblems(memory: Memory, view: Extract<FolderView, { type: 'present' }>): readonly SourceProblem[] {
  const empty = view.files.length === 0 && view.hiddenFolders.length === 0 && (view.returned || !memory.complete);
  return [
    ...view.hiddenFolders.map(({ path, message }) => ({ source: path || view.directory, message: say.hiddenFolder(message) })),
    ...(empty ? [{ source: view.directory, message: say.emptyProblem() }] : []),
  ];
}

function fileProblems(
  memory: Memory,
  view: Extract<FolderView, { type: 'present' }>,
  absent: Absent,
  present: Present,
): readonly SourceProblem[] {
  return view.files.flatMap(({ path, reading }) => {
    if (reading.type === 'unreadable') {
      const message = say.unreadable(reading.message, memory.files.get(path)?.readAt);
      return [{ source: path, ...(reading.line === undefined ? {} : { line: reading.line }), message }];
    }
    const kept = absent.doubtful.get(path);
    const broken = (reading.broken ?? []).map(({ line, fault }) => {
      const stays = [...memory.objects].filter(
        ([key, object]) => object.path === path && (!present.objects.has(key) || present.held.includes(key)),
      );
      return {
        source: path,
        line,
        message: say.brokenDocument(
          fault,
          stays.map(([key]) => key),
        ),
      };
    });
    const unrecognised = reading.documents.flatMap(({ line, parsed }) =>
      parsed.type === 'problem' ? [{ source: path, line, message: say.unrecognised(parsed.message, kept) }] : [],
    );
    return [...broken, ...unrecognised];
  });
}
