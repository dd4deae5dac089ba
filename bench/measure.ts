import type { Reference } from './reference.ts';
import type { Row } from './row.ts';
import type { Scale } from './scale.ts';
import type { WorkerProgram } from './worker-process.ts';

/** What every measure gets. */
export interface Context {
  readonly scale: Scale;
  readonly reference: Reference;
  readonly worker: WorkerProgram;
  /** Shows that something goes on. */
  readonly progress: (text: string) => void;
}

/** Measures one thing, in its own network namespaces. */
export type Measure = (context: Context) => Promise<readonly Row[]>;
