import { spawnSync } from 'node:child_process';

/** What the image says of its sources. */
export interface Commit {
  /** Hash of the commit, with `-dirty` when tracked files differ from it; absent outside a repository. */
  readonly revision: string | undefined;
  /** RFC 3339, UTC. The epoch outside a repository: a build must not depend on when it runs. */
  readonly time: string;
}

export function readCommit(root: string): Commit {
  const git = (...args: string[]) => spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  const { status, stdout } = git('show', '--no-patch', '--format=%H %ct', 'HEAD');
  const [hash, seconds] = status === 0 ? stdout.trim().split(' ') : [];
  const time = `${new Date(Number(seconds ?? 0) * 1000).toISOString().slice(0, 19)}Z`;
  if (hash === undefined) return { revision: undefined, time };
  const changed = git('status', '--porcelain', '--untracked-files=no').stdout.trim() !== '';
  return { revision: changed ? `${hash}-dirty` : hash, time };
}
