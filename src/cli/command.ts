import type { ApiClient } from '../cluster/api-client.ts';
import type { EventSink, OverlayReportSink, ReportSink, ResourceSource } from '../cluster/cluster.ts';
import type { ControllerPorts } from '../controller/controller.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { CommandLine, Flag } from '../runtime/config.ts';

/** Exit statuses: fixed, because others script against them. */
export const EXIT = { ok: 0, failed: 1, found: 2, usage: 64 } as const;

/** One abstract socket per network namespace: lock and sign of life of the agent. */
export const LOCK_NAME = 'fairlead-agent';

/** One command of the command line. Help and the reference page are made from this. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the flags, for the usage line. */
  readonly operands?: string;
  readonly flags: readonly Flag[];
  readonly run: Run;
}

/** Answers the exit status. */
export type Run = (context: Context) => Promise<number>;

export interface Context {
  readonly line: CommandLine;
  readonly terminal: Terminal;
  readonly adapters: Adapters;
  readonly version: string;
}

/** Where text for people goes. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly colours: boolean;
}

export interface SourceOptions {
  readonly stateFolder: string;
  /** Whether the last good resources may be stored. */
  readonly readOnly: boolean;
  readonly onWarning: (message: string) => void;
  /** Hears that the last good resources could not be stored; when absent, `onWarning` does. */
  readonly onNotKept?: (message: string) => void;
}

/** Where a node's resources come from and where its report goes: a folder, or a cluster. */
export interface Place {
  /** For the log: `folder /etc/fairlead`. */
  readonly words: string;
  readonly sink: ReportSink;
  readonly events?: EventSink;
  readonly overlaySink?: OverlayReportSink;
  openSource(options: SourceOptions): ResourceSource;
  close(): Promise<void>;
}

/** A Kubernetes cluster. */
export interface Cluster {
  readonly client: ApiClient;
  /** The namespace of the context or of the pod, where it has one. @throws CommandFailed when it cannot be read */
  namespace(): Promise<string | undefined>;
  /** What a controller needs besides. */
  controller(options: ControllerOptions): ControllerParts;
  /** What one node sees of it. `warn` hears of events that could not be recorded. */
  node(nodeName: string, warn: (message: string) => void): Place;
}

export interface FolderOptions {
  readonly manifests: string;
  readonly status: string;
}

export interface ControllerOptions {
  readonly namespace: string;
  /** Names this process for people. */
  readonly identity: string;
  /** What people call the cluster; undefined: what tells it apart. */
  readonly clusterName: string | undefined;
  /** Hears of events that could not be recorded. */
  readonly warn: (message: string) => void;
}

export type ControllerParts = Pick<ControllerPorts, 'events' | 'openProvider'>;

export interface ClusterOptions {
  /** Absent: KUBECONFIG, the service account of the pod, or ~/.kube/config. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** For the User-Agent. */
  readonly role: string;
  readonly version: string;
}

/** The outside world, as the composition root wires it. */
export interface Adapters {
  openKernel(): Promise<Kernel>;
  openFolder(folders: FolderOptions): Promise<Place>;
  /** @throws CommandFailed when no cluster is configured, or not properly */
  openCluster(options: ClusterOptions): Promise<Cluster>;
  /** The CRDs as YAML. */
  crds(): Promise<string>;
}
