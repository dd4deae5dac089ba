import { type Capture, startCapture } from './capture.ts';
import { CommandFailed, type Result, Running } from './process.ts';
import { sysctlPath } from './topology.ts';

export interface PingOptions {
  readonly count?: number;
  /** Seconds between two packets. */
  readonly interval?: number;
  /** Source address. */
  readonly from?: string;
}

/** One machine of a lab. */
export class Host {
  readonly name: string;
  /** As `ip netns` knows it. */
  readonly namespace: string;
  readonly #processes: Set<Running>;

  constructor(name: string, namespace: string, processes: Set<Running>) {
    this.name = name;
    this.namespace = namespace;
    this.#processes = processes;
  }

  /** Runs a command on this host to its end, whatever its exit status. */
  run(command: string, ...args: readonly string[]): Promise<Result> {
    const child = this.spawn(command, ...args);
    child.finishInput();
    return child.ended;
  }

  /** Like `run`, and answers the standard output. @throws CommandFailed on any exit status but 0 */
  async check(command: string, ...args: readonly string[]): Promise<string> {
    const result = await this.run(command, ...args);
    if (result.code !== 0) throw new CommandFailed(`${this.name}: ${command} ${args.join(' ')}`, result);
    return result.stdout;
  }

  /** Starts a process on this host; it is killed when the lab closes. `ip netns exec` becomes the command, so the pid is its own. */
  spawn(command: string, ...args: readonly string[]): Running {
    const child = new Running('ip', ['netns', 'exec', this.namespace, command, ...args]);
    this.#processes.add(child);
    void child.ended.then(() => this.#processes.delete(child));
    return child;
  }

  /** `ip` with blank-separated arguments: `node.ip('route add 10.0.0.0/8 via 10.1.0.1')`. @throws CommandFailed */
  ip(args: string): Promise<string> {
    return this.check('ip', ...args.split(' '));
  }

  /** Echo requests to `destination` (either family). Lost ones are no error. */
  async ping(destination: string, { count = 3, interval = 0.01, from }: PingOptions = {}): Promise<{ sent: number; received: number }> {
    const source = from === undefined ? [] : ['-I', from];
    const { stdout, stderr } = await this.run('ping', '-n', '-q', '-W', '1', '-c', `${count}`, '-i', `${interval}`, ...source, destination);
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
    if (sent === undefined) throw new Error(`${this.name}: ping ${destination}: ${stderr.trim() || stdout.trim()}`);
    return { sent: Number(sent), received: Number(received) };
  }

  /** A kernel counter by its nstat name, for example `TcpExtIPReversePathFilter` or `IpForwDatagrams`. @throws Error when unknown */
  async counter(name: string): Promise<number> {
    const value = parseCounters(await this.check('cat', '/proc/net/netstat', '/proc/net/snmp', '/proc/net/snmp6')).get(name);
    if (value === undefined) throw new Error(`${this.name}: the kernel has no counter ${name}`);
    return value;
  }

  async sysctl(name: string): Promise<string> {
    return (await this.check('cat', sysctlPath(name))).trim();
  }

  async setSysctl(name: string, value: string | number): Promise<void> {
    await this.check('sh', '-c', `echo '${value}' >${sysctlPath(name)}`);
  }

  /** Records what passes a device and matches a pcap filter; resolves when tcpdump listens. */
  capture(device: string, filter: string): Promise<Capture> {
    return startCapture(this.spawn('tcpdump', '-n', '-l', '--immediate-mode', '-i', device, filter));
  }
}

/** netstat and snmp have pairs of lines, names and values, each with its group in front; snmp6 has one name and value a line. */
export function parseCounters(text: string): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const [head = '', ...words] = line.trim().split(/\s+/);
    const names = lines[index - 1]?.trim().split(/\s+/) ?? [];
    if (!head.endsWith(':') && words.length === 1) counters.set(head, Number(words[0]));
    else if (head === names[0]) for (const [i, word] of words.entries()) counters.set(`${head.slice(0, -1)}${names[i + 1]}`, Number(word));
  }
  return counters;
}
