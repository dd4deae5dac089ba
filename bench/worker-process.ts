import { type ChildProcess, fork } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Answer, Task } from './worker.ts';

const ROOT = join(import.meta.dirname, '..');

/** worker.ts, bundled as the program is, so that what is measured is what is delivered. */
export class WorkerProgram {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async build(folder: string): Promise<WorkerProgram> {
    const outfile = join(folder, 'worker.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'worker.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      minifySyntax: true,
      minifyWhitespace: true,
      logLevel: 'warning',
    });
    copyFileSync(join(ROOT, 'dist/netlink.node'), join(folder, 'netlink.node'));
    return new WorkerProgram(outfile);
  }

  /** A new process, which has run nothing yet. */
  start(): WorkerProcess {
    return new WorkerProcess(fork(this.#path, { execArgv: launcherFlags(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }
}

export class WorkerProcess implements Disposable {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @throws Error when the task fails or the process ends. */
  async run(task: Task): Promise<Exclude<Answer, { readonly error: string }>> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#child.once('message', (message) => resolve(message as Answer));
      this.#child.once('exit', (code, signal) => reject(new Error(`the worker ended: ${signal ?? code}`)));
      this.#child.send(task);
    });
    this.#child.removeAllListeners();
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** What bin/fairlead gives to Node. */
function launcherFlags(): string[] {
  const [, flags = ''] = /^exec "\$node" (.*)"\$root/m.exec(readFileSync(join(ROOT, 'bin/fairlead'), 'utf8')) ?? [];
  return flags.split(' ').filter((flag) => flag !== '');
}
