import { readFileSync } from 'node:fs';

/** Of one process, in MiB. */
export interface Memory {
  /** All resident pages, shared ones included. */
  readonly resident: number;
  /** Pages of its own: neither files nor shared memory. */
  readonly own: number;
  /** Shared pages counted by the share of each process. */
  readonly proportional: number;
}

/** proc(5): /proc/PID/status and smaps_rollup. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8') + readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { resident: field('VmRSS'), own: field('RssAnon'), proportional: field('Pss') };
}

/** USER_HZ, in which the kernel tells times to processes. */
const TICKS_PER_SECOND = 100;

/** Processor time of a process so far, all threads, kernel included. Milliseconds, in steps of ten. proc(5): /proc/PID/stat. */
export function processorTimeOf(pid: number): number {
  // The name may hold blanks and parentheses; after it come the state and the rest.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}
