import { formatRef, type Meta } from '../../core/resources.ts';
import type { WatchFailure } from './folder-watch.ts';
import type { Hidden } from './scan.ts';

const STAYS = 'what was in force stays in force';
const UNTIL = 'nothing is removed until then';

export function missing(directory: string, fact: string): string {
  return `the manifests folder ${directory} ${fact}; ${UNTIL}`;
}

export function missingProblem(fact: string): string {
  return `${fact}; ${STAYS}`;
}

export function empty(directory: string): string {
  return `the manifests folder ${directory} holds no .yaml, .yml or .json file: put the manifests there; ${UNTIL}`;
}

export function emptyProblem(): string {
  return `holds no .yaml, .yml or .json file: put the manifests there; ${STAYS}`;
}

export function remounted(directory: string, fact: string, lacking: readonly string[]): string {
  const more = lacking.length > 1 ? ` and ${lacking.length - 1} more` : '';
  return `${fact}, and the manifests folder ${directory} lacks what was there before (${lacking[0]}${more}): undo that, or restart the agent when the folder is right as it is; ${UNTIL}`;
}

export function notQuiet(directory: string): string {
  return `the manifests folder ${directory} is still being changed; nothing is removed until it has been quiet for a moment`;
}

export function hiddenFolder(fact: string): string {
  return `${fact}; ${STAYS}`;
}

export function folderObstacle(directory: string, { path, message }: Hidden): string {
  return `the folder ${path === '' ? directory : path} ${message}; ${UNTIL}`;
}

export function fileObstacle(path: string): string {
  return `${path} could not be read and has no last good version: mend it as its problem says, or delete it; ${UNTIL}`;
}

export function objectObstacle(meta: Meta): string {
  const where = meta.source === undefined ? '' : ` (${meta.source})`;
  return `${formatRef(meta.ref)}${where} is not valid and has no last good version: correct it, or delete it; ${UNTIL}`;
}

export function unreadable(fact: string, lastGood: string | undefined): string {
  return `${fact}; ${lastGood === undefined ? 'nothing of this file is in force' : `the last good version from ${lastGood} stays in force`}`;
}

export function brokenDocument(fact: string, kept: readonly string[]): string {
  const held = kept.length === 0 ? '' : `, and nothing is taken away of what stood here before: ${kept.join(', ')}`;
  return `${fact}; the other documents of this file are in force${held}`;
}

export function unrecognised(fact: string, kept: readonly string[] | undefined): string {
  if (kept === undefined) return fact;
  return `${fact}; this document may have been meant as what was in this file before, so it stays in force: ${kept.join(', ')}`;
}

export function duplicate(object: string, path: string, line: number): string {
  return `${object} is already defined at ${path}:${line}, and that one counts: delete one of the two`;
}

export function cannotWatch({ folder, code }: WatchFailure): string {
  return `changes in ${folder} are not announced by the kernel (${code}), so the manifests are read every second: ${watchFix(code)}`;
}

function watchFix(code: string): string {
  if (code === 'ENOSPC' || code === 'EMFILE') return 'raise the sysctls fs.inotify.max_user_watches and max_user_instances';
  return code === 'EACCES' || code === 'EPERM' ? PERMIT : 'see that it is on a local disk';
}

/** What gives access to a file or a folder. */
export const PERMIT = 'give this process the right to read it, and to enter the folders above it';
