import type { Telling } from '../agent/agent.ts';
import { AgentMetrics } from '../agent/metrics.ts';
import type { Log } from '../runtime/log.ts';
import { type Exhibit, type ListenAddress, serveExhibit, serveExhibitIfFree } from './web.ts';

export interface AgentWeb {
  observe(telling: Telling): void;
  /** Whose end this agent waits for; undefined: nobody's any more. */
  waitFor(holder: string | undefined): void;
  close(): Promise<void>;
}

interface Options {
  readonly version: string;
  readonly log: Log;
}

/**
 * Metrics and health of an agent, which is ready once a first round has been done.
 * An address that is taken is tried again for `patience` milliseconds: the agent that had the lock may have had it, too.
 * @throws CommandFailed when the address cannot be used
 */
export async function serve(address: ListenAddress, { version, log }: Options, patience?: number): Promise<AgentWeb> {
  const exhibit = new AgentExhibit(version);
  const page = await serveExhibit(address, exhibit, log, patience);
  return exhibit.shownBy(() => page.close());
}

/** The same, or undefined when the address is taken: perhaps by the agent that this one will take over from. @throws CommandFailed */
export async function serveIfFree(address: ListenAddress, { version, log }: Options): Promise<AgentWeb | undefined> {
  const exhibit = new AgentExhibit(version);
  const page = await serveExhibitIfFree(address, exhibit, log);
  return page && exhibit.shownBy(() => page.close());
}

class AgentExhibit implements Exhibit {
  readonly #metrics: AgentMetrics;
  #holder: string | undefined;
  #ready = false;

  constructor(version: string) {
    this.#metrics = new AgentMetrics(version);
  }

  shownBy(close: () => Promise<void>): AgentWeb {
    return {
      observe: (telling) => {
        this.#ready = true;
        this.#metrics.observe(telling);
      },
      waitFor: (holder) => {
        this.#holder = holder;
      },
      close,
    };
  }

  get contentType(): string {
    return this.#metrics.contentType;
  }

  metrics(): Promise<string> {
    return this.#metrics.text();
  }

  unmeasured(): string | undefined {
    return this.#holder === undefined ? undefined : this.unready();
  }

  unready(): string | undefined {
    if (this.#holder !== undefined) return `waiting for ${this.#holder} to end`;
    return this.#ready ? undefined : 'no round has been done yet';
  }
}
