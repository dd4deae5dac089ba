/**
 * Gives memory back to the system that a burst of work has left behind. V8 would keep it for the next burst, and nodes are small.
 * Takes tens of milliseconds with 100,000 routes, so call it when nothing happens. Needs `--expose-gc`, which bin/fairlead gives.
 */
export function releaseMemory(): void {
  const collect = globalThis.gc as ((options: object) => void) | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
