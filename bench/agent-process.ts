import { join } from 'node:path';
import { FAIRLEAD } from '../tests/lab/agent.ts';
import type { Host } from '../tests/lab/host.ts';
import { CommandFailed, type Running } from '../tests/lab/process.ts';

/** An agent as a benchmark needs it: nothing polls it. */
export class AgentProcess {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** `own`: a folder that no agent has used, so that it remembers nothing. `environment`: NAME=value. */
  static start(host: Host, manifests: string, own: string, environment: readonly string[] = []): AgentProcess {
    const folders = ['--manifests', manifests, '--status', join(own, 'status'), '--state', join(own, 'state')];
    const command = environment.length > 0 ? ['env', ...environment, FAIRLEAD] : [FAIRLEAD];
    const [program = FAIRLEAD, ...args] = [...command, 'agent', '--node', 'bench', ...folders];
    return new AgentProcess(host.spawn(program, ...args));
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** What is awaited, or an error as soon as the agent ends instead. @throws CommandFailed */
  whileRunning<T>(awaited: Promise<T>): Promise<T> {
    return Promise.race([awaited, this.#end()]);
  }

  /** Resolves when it has ended. @throws CommandFailed when it does not end well */
  async stop(): Promise<void> {
    this.#running.kill('SIGTERM');
    const result = await this.#running.ended;
    if (result.code !== 0) throw new CommandFailed('fairlead agent', result);
  }

  async #end(): Promise<never> {
    throw new CommandFailed('fairlead agent ended', await this.#running.ended);
  }
}
