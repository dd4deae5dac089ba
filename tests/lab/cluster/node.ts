import { randomBytes } from 'node:crypto';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import type { Lab } from '../lab.ts';
import { runChecked } from '../process.ts';
import { hostScript, portName, routeBatch, SWITCH } from '../topology.ts';
import { Machine, type MachineParts } from './machine.ts';
import { devicesOf, NODE_LINK } from './network.ts';

const PROGRAMS = ['boot', 'containerd', 'images', 'kubelet', 'kube-proxy'];
const LOG_TAIL = 1500;

/** One node of a cluster: a machine, and its place in the network. */
export class ClusterNode {
  readonly name: string;
  /** Its network, with the tools of this machine. */
  readonly host: Host;
  readonly machine: Machine;
  readonly #lab: Lab;
  readonly #base: string;

  constructor(lab: Lab, name: string, parts: MachineParts) {
    this.name = name;
    this.host = lab.host(name);
    this.machine = new Machine(this.host, parts);
    this.#lab = lab;
    this.#base = parts.base;
  }

  /** Loses power: all processes, and what the kernel holds of links, addresses, routes, rules and nftables. Its disk stays. */
  async crash(): Promise<void> {
    await this.machine.kill();
    const devices = devicesOf(this.#lab.topology, this.name);
    await this.host.check('sh', '-c', forgetScript(devices));
    await this.host.check('chroot', this.#base, '/usr/sbin/nft', 'flush', 'ruleset');
  }

  /** Starts again after a crash, and does not wait until it is Ready. */
  async boot(): Promise<void> {
    const { topology } = this.#lab;
    await runChecked('ip', ['netns', 'exec', this.host.namespace, 'sh'], hostScript(topology, this.name));
    await runChecked('ip', ['-n', this.host.namespace, '-batch', '-'], routeBatch(topology, this.name));
    this.machine.start();
  }

  /** Pulls the cable to the other nodes: the carrier goes. */
  async unplug(): Promise<void> {
    await this.#setPort('down');
  }

  async plug(): Promise<void> {
    await this.#setPort('up');
  }

  /** Gives the node the images of an archive (an OCI layout as a tar), under the names that are in it. */
  async loadImage(archive: string): Promise<void> {
    // The node has a root of its own; this folder is in both.
    const name = `${randomBytes(4).toString('hex')}.tar`;
    const copy = join(this.machine.folder, 'kubernetes', name);
    copyFileSync(archive, copy);
    try {
      await this.machine.check('ctr', '--namespace', 'k8s.io', 'images', 'import', `/etc/kubernetes/${name}`);
    } finally {
      rmSync(copy);
    }
  }

  /** The end of each log, for a message. */
  troubles(): string {
    return PROGRAMS.map((name) => `--- ${this.name} ${name}\n${this.#tail(name)}`).join('\n');
  }

  #tail(name: string): string {
    try {
      return this.machine.log(name).slice(-LOG_TAIL);
    } catch {
      return '(none)';
    }
  }

  async #setPort(state: 'up' | 'down'): Promise<void> {
    const { links } = this.#lab.topology;
    const link = links.findIndex(({ name }) => name === NODE_LINK);
    const end = Object.keys(links[link]?.ends ?? {}).indexOf(`${this.name}:eth0`);
    await this.#lab.host(SWITCH).ip(`link set ${portName(link, end)} ${state}`);
  }
}

/** A namespace outlives what a real machine loses. */
function forgetScript(devices: readonly string[]): string {
  const own = ['lo', ...devices].join('|');
  return `set -e
for path in /sys/class/net/*; do
  name=\${path##*/}
  case $name in
    ${own}) ip link set "$name" down; [ "$name" = lo ] || ip addr flush dev "$name" ;;
    *) ip link del "$name" 2>/dev/null || : ;;
  esac
done
for family in -4 -6; do
  ip $family route flush table all 2>/dev/null || :
  ip $family rule flush
  ip $family rule add pref 32766 lookup main protocol kernel
done
ip rule add pref 32767 lookup default protocol kernel`;
}
