import type { Rule } from '../../core/facts.ts';
import type { DeviceRef, Route } from '../../core/route.ts';
import type { Kernel, Observation } from '../kernel.ts';

export type Maybe<T> = T | Promise<T>;

/** A kernel on a network of its own, and everybody else on that machine. Links come up with a carrier and without addresses. */
export interface KernelHarness {
  readonly kernel: Kernel;
  addLink(name: string): Maybe<DeviceRef>;
  setLinkUp(name: string, up: boolean): Maybe<void>;
  removeLink(name: string): Maybe<void>;
  addAddress(device: string, text: string): Maybe<void>;
  removeAddress(device: string, text: string): Maybe<void>;
  addRoute(route: Route): Maybe<void>;
  /** In place of whatever has the identity. */
  replaceRoute(route: Route): Maybe<void>;
  /** By prefix, table and metric. */
  deleteRoute(route: Route): Maybe<void>;
  /** `device` may be `all`. */
  setRpFilter(device: string, value: number): Maybe<void>;
  addRule(rule: Rule): Maybe<void>;
  /** The state as a newcomer reads it, past every view. */
  reread(): Promise<Observation>;
  close(): Maybe<void>;
}

/** One thing that every kernel does, on a fresh, empty network. */
export type Case = (harness: KernelHarness) => Promise<void>;
export type Cases = Readonly<Record<string, Case>>;
