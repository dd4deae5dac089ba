import { hostname } from 'node:os';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Wrong usage of the command line: exit status 64, with the fix in the message. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command cannot be carried out, for a reason that the person at the terminal can see and act on: exit status 1, no stack. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** One flag of the command line, described once: parsing, `--help` and the reference page come from it. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** How the value is shown in help; absent for a switch. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
  readonly choices?: readonly string[];
  readonly repeats?: boolean;
}

export const FLAGS = {
  manifests: { name: 'manifests', value: 'DIR', help: 'folder with resources (.yaml, .yml, .json), read recursively' },
  node: { name: 'node', value: 'NAME', help: 'name of this node', default: 'the host name in lower case' },
  status: { name: 'status', value: 'DIR', help: 'folder for nodereport.yaml', default: '/run/fairlead' },
  state: { name: 'state', value: 'DIR', help: 'folder for what survives a reboot', default: '/var/lib/fairlead' },
  kubeconfig: {
    name: 'kubeconfig',
    value: 'FILE',
    help: 'work with the cluster of this kubeconfig, instead of a folder; in a pod, and with KUBECONFIG set, that is the default',
  },
  context: { name: 'context', value: 'NAME', help: 'context of the kubeconfig, instead of its current one' },
  namespace: {
    name: 'namespace',
    value: 'NAME',
    help: 'namespace of the Lease and of the Secrets of OverlayPools, instead of that of the pod or context',
  },
  clusterName: {
    name: 'cluster-name',
    value: 'NAME',
    help: 'what people call this cluster, for records in an external IPAM, instead of the beginning of the uid of namespace kube-system',
  },
  withinNamespace: { name: 'namespace', value: 'NAME', help: 'of a cluster: look into this namespace, instead of all' },
  credentialsNamespace: {
    name: 'namespace',
    value: 'NAME',
    help: 'namespace of the controller, where the credentials of phpIPAM are',
    default: 'fairlead-system',
  },
  repair: { name: 'repair', help: 'of check: mend what can be mended without a doubt, and say what was done' },
  fleet: { name: 'cluster', help: 'show the cluster, also where there is a report of this node' },
  cluster: { name: 'cluster', help: 'delete every resource of ours in the cluster, and wait until its nodes are clean' },
  wait: { name: 'wait', value: 'SECONDS', help: 'with --cluster: longest wait for the nodes', default: '120' },
  force: {
    name: 'force',
    help: 'with --cluster: let go of overlay addresses that are not given back in time, and say what is left behind',
  },
  protect: { name: 'protect', value: 'CIDR', help: 'destination whose path must never change; may be repeated', repeats: true },
  listen: { name: 'listen', value: 'ADDR:PORT', help: 'serve /metrics, /healthz and /readyz there' },
  log: { name: 'log', value: 'FORMAT', help: 'format of the log', choices: ['text', 'json'], default: 'text' },
  facts: { name: 'facts', value: 'FILE', help: 'plan for the facts in this file instead of this machine' },
  saveFacts: { name: 'save-facts', value: 'FILE', help: 'write the facts of this machine to a file and end' },
  output: { name: 'output', short: 'o', value: 'FORMAT', help: 'output format', choices: ['text', 'json', 'yaml'], default: 'text' },
  help: { name: 'help', short: 'h', help: 'show this help' },
} as const satisfies Record<string, Flag>;

export type FlagKey = keyof typeof FLAGS;

export interface CommandLine {
  /** The value of a flag, its default, or undefined. */
  text(flag: Flag): string | undefined;
  list(flag: Flag): readonly string[];
  has(flag: Flag): boolean;
  readonly operands: readonly string[];
}

/** @throws UsageError for an unknown flag, a missing or empty value or one outside its choices. */
export function parseCommandLine(command: string, args: readonly string[], flags: readonly Flag[]): CommandLine {
  const { values, positionals } = parse(command, args, [...flags, FLAGS.help]);
  const list = (flag: Flag): readonly string[] => {
    const value = values[flag.name];
    return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
  };
  for (const flag of flags) for (const value of list(flag)) checkValue(command, flag, value);
  return {
    list,
    text: (flag) => list(flag).at(-1) ?? flag.default,
    has: (flag) => values[flag.name] !== undefined,
    operands: positionals,
  };
}

function parse(command: string, args: readonly string[], flags: readonly Flag[]): ReturnType<typeof parseArgs> {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const flag of flags) {
    options[flag.name] = {
      type: flag.value === undefined ? 'boolean' : 'string',
      ...(flag.short === undefined ? {} : { short: flag.short }),
      ...(flag.repeats ? { multiple: true } : {}),
    };
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // What follows the first sentence is advice about ways of writing that nobody meant.
    const [text] = (error instanceof Error ? error.message : String(error)).split(/\.\s|\.$/);
    throw new UsageError(`fairlead ${command}: ${text}; see "fairlead ${command} --help"`);
  }
}

function checkValue(command: string, flag: Flag, value: string): void {
  // An unset variable in a script. The empty path would be the present folder.
  if (value === '') throw new UsageError(`fairlead ${command}: --${flag.name} is empty: write --${flag.name} ${flag.value}`);
  if (flag.choices && !flag.choices.includes(value)) {
    throw new UsageError(`fairlead ${command}: --${flag.name} ${value}: use one of ${flag.choices.join(', ')}`);
  }
}

/** In lower case, as the kubelet calls its node. */
export function defaultNodeName(): string {
  return hostname().toLowerCase();
}

/** `ADDR:PORT`, `[v6]:PORT` or `:PORT`. @throws UsageError */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) throw new UsageError(`--listen ${text}: write ADDR:PORT, for example 127.0.0.1:9410`);
  return { host: match[1] ?? (match[2] === '' ? '::' : (match[2] ?? '::')), port };
}

/** The environment, for what is inherited by others or has names of its own: kubeconfigs and credential plugins. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** Whether the environment or the command line names a cluster, so that it must not be guessed. */
export function clusterNamed(line: CommandLine): boolean {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST } = environment();
  return line.has(FLAGS.kubeconfig) || line.has(FLAGS.context) || Boolean(KUBECONFIG) || Boolean(KUBERNETES_SERVICE_HOST);
}

/** Whether text for people may carry colours: only on a terminal, and not when NO_COLOR is set (no-color.org). */
export function coloursWanted(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && !process.env['NO_COLOR'];
}
