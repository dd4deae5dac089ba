import type { Change, SysctlName } from '../../core/change.ts';
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
  renameLink(name: string, to: string): Maybe<void>;
  /** Whoever is at the other end of the cable pulls it, or plugs it in. */
  setCarrier(name: string, carrier: boolean): Maybe<void>;
  setLinkMtu(name: string, mtu: number): Maybe<void>;
  /** Empty: none. */
  setLinkAlias(name: string, alias: string): Maybe<void>;
  setLinkMac(name: string, mac: string): Maybe<void>;
  addAddress(device: string, text: string): Maybe<void>;
  /** `ip address replace` of one that is there: whoever writes it anew takes the marks of others off it. */
  rewriteAddress(device: string, text: string): Maybe<void>;
  removeAddress(device: string, text: string): Maybe<void>;
  addRoute(route: Route): Maybe<void>;
  /** In place of whatever has the identity. */
  replaceRoute(route: Route): Maybe<void>;
  /** By prefix, table and metric. */
  deleteRoute(route: Route): Maybe<void>;
  /** `device` may be `all`. */
  setRpFilter(device: string, value: number): Maybe<void>;
  setSysctl(device: string, name: SysctlName, value: number): Maybe<void>;
  /** Somebody on the link of a device has this address from now on. @returns the link-layer address. */
  answerFor(device: string, address: string): Maybe<string>;
  /** What another process of ours does, or did long ago: `add-link` and `add-address`. */
  earlier(changes: readonly Change[]): Maybe<void>;
  addRule(rule: Rule): Maybe<void>;
  /** The state as a newcomer reads it, past every view. */
  reread(): Promise<Observation>;
  close(): Maybe<void>;
}

/** One thing that every kernel does, on a fresh, empty network. */
export type Case = (harness: KernelHarness) => Promise<void>;
export type Cases = Readonly<Record<string, Case>>;
