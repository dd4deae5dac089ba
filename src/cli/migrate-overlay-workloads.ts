import { type Fields, fieldsOf, listOf } from '../controller/wire.ts';
import { type Finding, type Located, textAt } from './migrated.ts';

/** What the pods of the overlay IP controller were told, in their environment. */
export interface Workloads {
  /** The device that was the parent of the overlay's. */
  readonly parent?: string;
  /** What the overlay's was called. */
  readonly device?: string;
  /** The nodes that its DaemonSet ran on; absent: every node. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Where its controller had user name and password from. */
  readonly credentials: Credentials;
  /** `-n default daemonset overlay-network-pod`, for kubectl. */
  readonly daemonSet?: string;
  readonly deployment?: string;
  readonly findings: readonly Finding[];
}

export interface Credentials {
  readonly secret: string;
  readonly namespace?: string;
  readonly username: string;
  readonly password: string;
  /** Whether the Deployment said so; else it is what its manifest has. */
  readonly known: boolean;
}

/** What the published manifest of the controller says. */
const PUBLISHED: Credentials = { secret: 'phpipam-secret', username: 'username', password: 'password', known: false };

/** Whether this is the DaemonSet of the overlay's agents: they find the name of its device in their environment. */
export function isAgents({ object }: Located): boolean {
  return object['kind'] === 'DaemonSet' && variable(object, 'INTERFACE_LABEL') !== undefined;
}

/** Whether this is the Deployment of its controller. */
export function isController({ object }: Located): boolean {
  return object['kind'] === 'Deployment' && variable(object, 'PHPIPAM_USERNAME') !== undefined;
}

/** Reads the DaemonSet and the Deployment; of several the first. */
export function readWorkloads(objects: readonly Located[]): Workloads {
  const agents = objects.find(isAgents);
  const controller = objects.find(isController);
  const [parent, device] = ['INTERFACE', 'INTERFACE_LABEL'].map((name) => plainValue(agents, name));
  const findings = [parent, device].flatMap((value) => (value && 'message' in value ? [value] : []));
  return {
    ...(parent && 'text' in parent && { parent: parent.text }),
    ...(device && 'text' in device && { device: device.text }),
    ...nodeSelectorOf(agents),
    credentials: credentialsOf(controller),
    ...(agents && { daemonSet: forKubectl(agents, 'daemonset') }),
    ...(controller && { deployment: forKubectl(controller, 'deployment') }),
    findings,
  };
}

function plainValue(workload: Located | undefined, name: string): { readonly text: string } | Finding | undefined {
  if (workload === undefined) return undefined;
  const text = textAt(variable(workload.object, name), 'value');
  if (text !== undefined) return { text };
  const message = `the variable ${name} has no plain value, so the device is not known: set spec.interface of the OverlayPool by hand`;
  return { where: workload.where('spec', 'template', 'spec', 'containers'), message };
}

function nodeSelectorOf(workload: Located | undefined): Pick<Workloads, 'nodeSelector'> {
  const selector = podOf(workload?.object)['nodeSelector'];
  const labels = Object.entries(fieldsOf(selector)).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[key, value]] : [],
  );
  return labels.length === 0 ? {} : { nodeSelector: Object.fromEntries(labels) };
}

function credentialsOf(controller: Located | undefined): Credentials {
  const [username, password] = ['PHPIPAM_USERNAME', 'PHPIPAM_PASSWORD'].map((name) => secretKey(controller?.object, name));
  const namespace = textAt(controller?.object, 'metadata', 'namespace');
  if (!username || !password || username.secret !== password.secret) return { ...PUBLISHED, ...(namespace !== undefined && { namespace }) };
  return {
    secret: username.secret,
    username: username.key,
    password: password.key,
    ...(namespace !== undefined && { namespace }),
    known: true,
  };
}

function secretKey(workload: unknown, name: string): { readonly secret: string; readonly key: string } | undefined {
  const entry = variable(workload, name);
  const [secret, key] = ['name', 'key'].map((field) => textAt(entry, 'valueFrom', 'secretKeyRef', field));
  return secret === undefined || key === undefined ? undefined : { secret, key };
}

/** The entry of a container's environment. */
function variable(workload: unknown, name: string): unknown {
  return listOf(podOf(workload)['containers'])
    .flatMap((container) => listOf(fieldsOf(container)['env']))
    .find((entry) => fieldsOf(entry)['name'] === name);
}

function podOf(workload: unknown): Fields {
  return fieldsOf(fieldsOf(fieldsOf(fieldsOf(workload)['spec'])['template'])['spec']);
}

function forKubectl({ object }: Located, kind: string): string {
  const namespace = textAt(object, 'metadata', 'namespace');
  return `${namespace === undefined ? '' : `-n ${namespace} `}${kind} ${textAt(object, 'metadata', 'name') ?? ''}`;
}
