import { readFileSync } from 'node:fs';

/** One request that the API server has answered, from its audit log. */
export interface AuditedRequest {
  readonly verb: string;
  /** For example `system:serviceaccount:fairlead:agent`. */
  readonly user: string;
  /** Of the pod that the token is bound to; empty for all others. */
  readonly pod: string;
  readonly userAgent: string;
  readonly apiGroup: string;
  /** Empty when the request names none, as /version. */
  readonly resource: string;
  /** For example `status`; empty for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status. */
  readonly code: number;
  readonly uri: string;
  /** When it was received; RFC 3339 with microseconds. */
  readonly time: string;
}

/** What a request must be to count; what is not given does not matter. */
export type AuditFilter = Partial<
  Pick<AuditedRequest, 'verb' | 'user' | 'pod' | 'resource' | 'subresource' | 'namespace' | 'name' | 'code'>
>;

export const WRITE_VERBS: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Everything but the server's own bookkeeping; no bodies. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, users: ['system:apiserver']}
  - {level: None, nonResourceURLs: ['/readyz*', '/livez*', '/healthz*']}
  - {level: Metadata}
`;

/** The requests in a log, oldest first. A watch counts when it starts, everything else when it is answered. */
export function readAudit(file: string): readonly AuditedRequest[] {
  // The last line may be under way.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditEvent).flatMap((event) => (isCounted(event) ? [toRequest(event)] : []));
}

export function matches(request: AuditedRequest, filter: AuditFilter): boolean {
  return Object.entries(filter).every(([field, value]) => value === undefined || request[field as keyof AuditFilter] === value);
}

/** audit.k8s.io/v1 Event, as far as it is read here. */
interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly userAgent?: string;
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: Partial<Record<'apiGroup' | 'resource' | 'subresource' | 'namespace' | 'name', string>>;
  readonly responseStatus?: { readonly code?: number };
}

function isCounted({ stage, verb }: AuditEvent): boolean {
  return (stage === 'ResponseStarted') === (verb === 'watch');
}

function toRequest({ verb, requestURI, requestReceivedTimestamp, userAgent, user, objectRef, responseStatus }: AuditEvent): AuditedRequest {
  const { apiGroup = '', resource = '', subresource = '', namespace = '', name = '' } = objectRef ?? {};
  return {
    verb,
    user: user?.username ?? '',
    pod: user?.extra?.['authentication.kubernetes.io/pod-name']?.[0] ?? '',
    userAgent: userAgent ?? '',
    apiGroup,
    resource,
    subresource,
    namespace,
    name,
    code: responseStatus?.code ?? 0,
    uri: requestURI,
    time: requestReceivedTimestamp,
  };
}
