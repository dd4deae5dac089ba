import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Change, SysctlName } from '../../src/core/change.ts';
import type { Rule } from '../../src/core/facts.ts';
import type { DeviceRef, NextHop, Route } from '../../src/core/route.ts';
import type { KernelHarness } from '../../src/kernel/contract/harness.ts';
import type { Kernel, Observation } from '../../src/kernel/kernel.ts';
import { type LinuxKernelOptions, openLinuxKernel } from '../../src/kernel/linux/kernel.ts';
import { buildAddon } from '../../tools/build-addon.ts';

const run = promisify(execFile);
const open = new Set<string>();
let count = 0;

buildAddon();
// Also when a test crashes the process.
process.on('exit', () => {
  for (const name of open) execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
});

/** A network namespace of its own, and the real kernel in it; the outsider is the `ip` command. */
export class Namespace implements KernelHarness {
  readonly name: string;
  readonly kernel: Kernel;
  #neighbour: string | undefined;

  private constructor(name: string, kernel: Kernel) {
    this.name = name;
    this.kernel = kernel;
  }

  static async create(options: Omit<LinuxKernelOptions, 'netns'> = {}): Promise<Namespace> {
    const name = await newNamespace();
    return new Namespace(name, openLinuxKernel({ netns: `/run/netns/${name}`, ...options }));
  }

  async ip(...args: readonly string[]): Promise<string> {
    return (await run('ip', ['-n', this.name, ...args])).stdout;
  }

  async addLink(name: string): Promise<DeviceRef> {
    await this.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
    for (const end of [name, `${name}-far`]) await this.ip('link', 'set', end, 'addrgenmode', 'none', 'up');
    for (const end of [name, `${name}-far`]) await this.#settled(end);
    return { index: (await this.#shown(this.name, name))?.ifindex ?? 0, name };
  }

  async setLinkUp(name: string, up: boolean): Promise<void> {
    await this.ip('link', 'set', name, up ? 'up' : 'down');
  }

  async removeLink(name: string): Promise<void> {
    await this.ip('link', 'del', name);
  }

  async renameLink(name: string, to: string): Promise<void> {
    await this.ip('link', 'set', name, 'name', to);
  }

  async setCarrier(name: string, carrier: boolean): Promise<void> {
    await this.setLinkUp(`${name}-far`, carrier);
  }

  async setLinkMtu(name: string, mtu: number): Promise<void> {
    await this.ip('link', 'set', name, 'mtu', `${mtu}`);
  }

  async setLinkAlias(name: string, alias: string): Promise<void> {
    await this.ip('link', 'set', name, 'alias', alias);
  }

  async addAddress(device: string, text: string): Promise<void> {
    if (!text.includes(':')) {
      await this.ip('addr', 'add', text, 'dev', device);
      return;
    }
    await this.ip('addr', 'add', text, 'dev', device, 'nodad');
    // The kernel announces an IPv6 address a moment later, from a work queue; then comes its local route.
    const [address = ''] = text.split('/');
    while ((await this.ip('-6', 'route', 'show', 'table', 'local', address)) === '') await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async setLinkMac(name: string, mac: string): Promise<void> {
    await this.ip('link', 'set', name, 'address', mac);
  }

  async rewriteAddress(device: string, text: string): Promise<void> {
    await this.ip('addr', 'replace', text, 'dev', device);
  }

  async removeAddress(device: string, text: string): Promise<void> {
    await this.ip('addr', 'del', text, 'dev', device);
  }

  async addRoute(route: Route): Promise<void> {
    await this.ip(`-${route.prefix.family}`, 'route', 'add', ...routeWords(route));
  }

  async replaceRoute(route: Route): Promise<void> {
    await this.ip(`-${route.prefix.family}`, 'route', 'replace', ...routeWords(route));
  }

  async deleteRoute({ prefix, spec }: Route): Promise<void> {
    await this.ip(`-${prefix.family}`, 'route', 'del', prefix.text, 'table', `${spec.table}`, 'metric', `${spec.metric}`);
  }

  async setRpFilter(device: string, value: number): Promise<void> {
    await this.setSysctl(device, 'rp_filter', value);
  }

  async setSysctl(device: string, name: SysctlName, value: number): Promise<void> {
    await run('ip', ['netns', 'exec', this.name, 'sysctl', '-qw', `net/ipv4/conf/${device}/${name}=${value}`]);
  }

  async answerFor(device: string, address: string): Promise<string> {
    const far = `${device}-far`;
    await this.ip('link', 'set', far, 'netns', await this.neighbour());
    await this.far('ip', 'link', 'set', far, 'up');
    await this.far('ip', 'addr', 'add', `${address}/24`, 'dev', far);
    await this.#settled(device);
    return (await this.#shown(await this.neighbour(), far))?.address ?? '';
  }

  /** Another namespace, for whoever holds the far ends of cables. */
  async neighbour(): Promise<string> {
    this.#neighbour ??= await newNamespace();
    return this.#neighbour;
  }

  /** Runs a command there. */
  async far(...command: readonly string[]): Promise<string> {
    return (await run('ip', ['netns', 'exec', await this.neighbour(), ...command])).stdout;
  }

  async earlier(changes: readonly Change[]): Promise<void> {
    const other = openLinuxKernel({ netns: `/run/netns/${this.name}` });
    try {
      assert.deepEqual(await other.apply(changes), []);
    } finally {
      other.close();
    }
  }

  async addRule(rule: Rule): Promise<void> {
    const mark = rule.mark ? ['fwmark', `${rule.mark.value}/${rule.mark.mask}`] : [];
    const from = ['from', rule.from?.text ?? 'all'];
    await this.ip(`-${rule.family}`, 'rule', 'add', ...from, ...mark, 'priority', `${rule.priority}`, 'table', `${rule.table}`);
  }

  async reread(): Promise<Observation> {
    const newcomer = openLinuxKernel({ netns: `/run/netns/${this.name}` });
    try {
      return await newcomer.observe();
    } finally {
      newcomer.close();
    }
  }

  /** Until what is seen is as it should be. */
  async until(reached: (seen: Observation) => boolean): Promise<Observation> {
    for (;;) {
      const seen = await this.kernel.observe();
      if (reached(seen)) return seen;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    this.kernel.close();
    for (const name of [this.name, ...(this.#neighbour === undefined ? [] : [this.#neighbour])]) {
      await run('ip', ['netns', 'del', name]);
      open.delete(name);
    }
  }

  /** The carrier of a fresh veth comes a moment later, with a notification of its own. */
  async #settled(name: string): Promise<void> {
    while (!(await this.ip('link', 'show', name)).includes('state UP')) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async #shown(namespace: string, name: string): Promise<{ readonly ifindex: number; readonly address: string } | undefined> {
    const { stdout } = await run('ip', ['-n', namespace, '-j', 'link', 'show', name]);
    return (JSON.parse(stdout) as readonly { readonly ifindex: number; readonly address: string }[])[0];
  }
}

/** With a loopback device that is up, and nothing else. */
async function newNamespace(): Promise<string> {
  const name = `flk-${process.pid}-${count++}`;
  await run('ip', ['netns', 'add', name]);
  open.add(name);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  return name;
}

/** A route as arguments of `ip route`. */
export function routeWords({ prefix, spec }: Route): readonly string[] {
  const { table, metric, protocol, type, hops, source, mtu } = spec;
  const [only] = hops;
  return [
    ...(type === 'unicast' ? [] : [type]),
    prefix.text,
    ...(hops.length === 1 && only ? hopWords(only) : []),
    ...['table', `${table}`, 'metric', `${metric}`, 'proto', `${protocol}`],
    ...(source ? ['src', source.text] : []),
    ...(mtu === undefined ? [] : ['mtu', `${mtu}`]),
    ...(hops.length > 1 ? hops.flatMap((hop) => ['nexthop', ...hopWords(hop)]) : []),
  ];
}

function hopWords({ gateway, device, onLink }: NextHop): readonly string[] {
  return [...(gateway ? ['via', gateway.text] : []), ...(device ? ['dev', device.name] : []), ...(onLink ? ['onlink'] : [])];
}
