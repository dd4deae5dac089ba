import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Host } from './host.ts';
import type { Lab } from './lab.ts';
import { CommandFailed, type Result, type Running } from './process.ts';

/** The command line under test. */
export const FAIRLEAD = join(import.meta.dirname, '..', '..', 'bin', 'fairlead');

export interface AgentOptions {
  /** Folder of manifests. */
  readonly manifests: string;
  readonly node: string;
  /** Folder of the report. */
  readonly status: string;
  /** Folder of what the agent remembers. */
  readonly state: string;
  /** Prefixes that must stay reachable. */
  readonly protect?: readonly string[];
  /** ADDR:PORT of metrics and health. */
  readonly listen?: string;
}

/** The documented part of `nodereport.yaml`. */
export interface Report {
  readonly status: {
    readonly resources?: readonly ReportedResource[];
    readonly problems?: readonly { readonly source: string; readonly line?: number; readonly message: string }[];
    readonly drift?: readonly ReportedDrift[];
    readonly lastSync?: string;
  };
}

export interface ReportedResource {
  readonly kind: string;
  readonly name: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
  readonly gateway?: string;
  readonly device?: string;
}

export interface ReportedDrift {
  readonly object: string;
  readonly event: string;
  readonly cause: string;
  readonly count: number;
  readonly lastTime: string;
  /** From the moment the kernel's notice was read until the repair was in the kernel. */
  readonly restoredMicros?: number;
}

/** How long a report may take: generous, since it only bounds the wait of a run that has already failed. */
const PATIENCE_MS = 60_000;
const POLL_MS = 10;

/** A running agent and its report. */
export class Agent {
  readonly options: AgentOptions;
  readonly #process: Running;

  constructor(options: AgentOptions, running: Running) {
    this.options = options;
    this.#process = running;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has written to standard output and standard error so far. */
  get log(): string {
    return this.#process.stdout + this.#process.stderr;
  }

  /** Puts a manifest into the folder, or replaces it, in one step. Answers its path. */
  write(name: string, text: string): string {
    const file = join(this.options.manifests, name);
    // The agent ignores dot files.
    const draft = join(this.options.manifests, `.${name}`);
    writeFileSync(draft, text);
    renameSync(draft, file);
    return file;
  }

  remove(name: string): void {
    rmSync(join(this.options.manifests, name));
  }

  /** Sends a signal and waits until the agent has ended. */
  kill(signal: NodeJS.Signals): Promise<Result> {
    this.#process.kill(signal);
    return this.#process.ended;
  }

  /** The report as it is now. @throws Error when there is none */
  report(): Report {
    return parse(readFileSync(reportFile(this.options), 'utf8')) as Report;
  }

  /** The report's entry of one resource, if it has one. */
  resource(name: string, report = this.report()): ReportedResource | undefined {
    return report.status.resources?.find((resource) => resource.name === name);
  }

  /** Reads the report until it satisfies; answers it. @throws Error with the last report and the log when it never does */
  async waitFor(satisfies: (report: Report) => boolean): Promise<Report> {
    await this.#until(
      () => satisfies(this.report()),
      () => `the report never satisfied ${satisfies}:\n${readFileSync(reportFile(this.options))}`,
    );
    return this.report();
  }

  /** Waits until a resource is reported so. */
  waitForResource(name: string, satisfies: (resource: ReportedResource) => boolean): Promise<Report> {
    return this.waitFor((report) => {
      const resource = this.resource(name, report);
      return resource !== undefined && satisfies(resource);
    });
  }

  /** Resolves when this process has written a report: `previous` is the file's stamp before it started. */
  async started(previous: string | undefined): Promise<void> {
    await this.#until(
      () => ![undefined, previous].includes(reportStamp(this.options)),
      () => 'no report was written',
    );
  }

  async #until(satisfied: () => boolean, complaint: () => string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!satisfied()) {
      if (!this.#process.isRunning) throw new CommandFailed('fairlead agent', await this.#process.ended);
      if (performance.now() > deadline) throw new Error(`agent: ${complaint()}\n${this.log}`);
      await sleep(POLL_MS);
    }
  }
}

/** New, empty folders for an agent, which vanish with the lab. Several agents of one lab need different nodes. */
export function agentOptions(lab: Lab, node = 'node'): AgentOptions {
  const folder = (name: string) => join(lab.folder, node, name);
  const options = { node, manifests: folder('manifests'), status: folder('status'), state: folder('state') };
  for (const path of [options.manifests, options.status, options.state]) mkdirSync(path, { recursive: true });
  return options;
}

/** Starts `fairlead agent` on a host and resolves when its first report is written. @throws CommandFailed when it ends before */
export async function startAgent(host: Host, options: AgentOptions): Promise<Agent> {
  const previous = reportStamp(options);
  const agent = spawnAgent(host, options);
  await agent.started(previous);
  return agent;
}

/** Starts `fairlead agent` without waiting for anything, for example because another one holds the lock. */
export function spawnAgent(host: Host, options: AgentOptions): Agent {
  const listen = options.listen === undefined ? [] : ['--listen', options.listen];
  const protect = (options.protect ?? []).flatMap((prefix) => ['--protect', prefix]);
  return new Agent(options, host.spawn(FAIRLEAD, 'agent', ...folders(options), ...protect, ...listen));
}

/** Runs another command of `fairlead` on a host with the same folders: plan, apply, status or cleanup. */
export function runFairlead(host: Host, command: string, options: AgentOptions, ...args: readonly string[]): Promise<Result> {
  return host.run(FAIRLEAD, command, ...folders(options), ...args);
}

function folders({ manifests, node, status, state }: AgentOptions): readonly string[] {
  return ['--manifests', manifests, '--node', node, '--status', status, '--state', state];
}

function reportFile(options: AgentOptions): string {
  return join(options.status, 'nodereport.yaml');
}

/** Changes with every atomic replacement. */
function reportStamp(options: AgentOptions): string | undefined {
  const entry = statSync(reportFile(options), { throwIfNoEntry: false, bigint: true });
  return entry === undefined ? undefined : `${entry.ino} ${entry.mtimeNs}`;
}
