import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KernelUnavailable } from '../kernel.ts';

/** The C functions of `native/netlink.c`. Each answers a result >= 0 or `-errno`; none throws. */
export interface NetlinkAddon {
  open(protocol: number, netns: string | undefined): number;
  /** @returns the port id that the kernel chose, unsigned. */
  bind(fd: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): number;
  /** `program`: an array of `struct sock_filter` (classic BPF). */
  filter(fd: number, program: Uint8Array): number;
  send(fd: number, data: Uint8Array, length: number): number;
  /** @returns the size of the datagram, larger than the buffer when it did not fit. */
  recv(fd: number, into: Uint8Array): number;
  watch(fd: number, listener: () => void): number;
  unwatch(fd: number): number;
  close(fd: number): number;
}

const FILE = 'netlink.node';

/** Beside the bundle in `dist/`, or there as seen from this source file. */
const PLACES = [join(import.meta.dirname, FILE), join(import.meta.dirname, '../../../dist', FILE)];

let loaded: NetlinkAddon | undefined;

/** @throws KernelUnavailable when the addon was not built or does not load. */
export function loadAddon(): NetlinkAddon {
  loaded ??= load();
  return loaded;
}

function load(): NetlinkAddon {
  const path = PLACES.find((place) => existsSync(place));
  if (path === undefined) throw new KernelUnavailable(`the netlink addon is missing (${PLACES.join(', ')}): run "make setup"`);
  const module: { exports: Partial<NetlinkAddon> } = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    throw new KernelUnavailable(`the netlink addon ${path} does not load on this machine: delete it and run "make setup"`, { cause });
  }
  const { recv } = module.exports;
  if (recv === undefined) throw new KernelUnavailable(`${path} is not the netlink addon: delete it and run "make setup"`);
  return module.exports as NetlinkAddon;
}
