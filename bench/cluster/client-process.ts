import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Host } from '../../tests/lab/host.ts';
import type { Answer, Tasks } from './client/main.ts';

/** A process on a host of a lab that plays the client, so that nothing stands between it and the API server. */
export class ClientProcess implements Disposable {
  readonly #child: ChildProcess;

  constructor({ namespace }: Host) {
    const inside = { execPath: 'ip', execArgv: ['netns', 'exec', namespace, process.execPath] };
    this.#child = fork(join(import.meta.dirname, 'client', 'main.ts'), { ...inside, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error when the task fails or the process ends. */
  async run<Name extends keyof Tasks>(name: Name, input: Parameters<Tasks[Name]>[0]): Promise<Awaited<ReturnType<Tasks[Name]>>> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#child.once('message', (message) => resolve(message as Answer));
      this.#child.once('exit', (code, signal) => reject(new Error(`the client ended: ${signal ?? code}`)));
      this.#child.send({ name, input });
    });
    this.#child.removeAllListeners();
    if ('error' in answer) throw new Error(answer.error);
    return answer.result as Awaited<ReturnType<Tasks[Name]>>;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
