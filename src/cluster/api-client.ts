/** One resource type of the Kubernetes API, as paths name it: `/apis/<group>/<version>/[namespaces/<namespace>/]<plural>`. */
export interface ResourceType {
  /** `v1`, `fairlead.dev/v1alpha1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** An object as the API server sent it: its metadata has been checked, all else has not. `managedFields` are dropped on arrival. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ApiMetadata;
  readonly [field: string]: unknown;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export interface ApiMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** Somebody has deleted it: it goes when it has no finalizer any more, and gets no new one. RFC 3339. */
  readonly deletionTimestamp?: string;
  /** What must have been done before it goes; whoever has done it takes its own away. */
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * What is written: a whole object, without what the API server adds. With `resourceVersion` only over that very version, else `isConflict`.
 * With `uid` never over another object that has got its name; but no server looks at that when a status is written: there the version must do.
 */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly finalizers?: readonly string[];
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Which objects of a type. Without a namespace: those of every namespace. */
export interface Selection {
  readonly namespace?: string;
  /** `metadata.name=n1` */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface ListOptions extends Selection {
  /** Most objects per page; the server may send fewer. */
  readonly limit?: number;
  /** From the page before. */
  readonly continue?: string;
  /** `0`: whatever the server has in its cache. Absent: the newest. */
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

export interface Page {
  readonly items: readonly ApiObject[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
  /** Present when there is more. */
  readonly continue?: string;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  readonly signal?: AbortSignal;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ApiObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface ApplyOptions {
  /** Who owns the fields. Fields of the same manager that are no longer sent are removed; those of others are taken over. */
  readonly fieldManager: string;
  readonly subresource?: 'status';
  readonly signal?: AbortSignal;
}

export interface ReplaceOptions {
  readonly subresource?: 'status';
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/**
 * The Kubernetes API, as much of it as Fairlead uses. Every method rejects with ApiError, and with nothing else, when the server cannot be
 * reached, does not answer in time, or refuses; with the reason of `signal` when that aborts.
 */
export interface ApiClient {
  /** Where requests go, for people: `https://10.0.0.1:6443`. */
  readonly server: string;

  get(type: ResourceType, name: ObjectName, signal?: AbortSignal): Promise<ApiObject>;

  /** One page. A `continue` that has expired rejects as `isGone`. */
  list(type: ResourceType, options?: ListOptions): Promise<Page>;

  /**
   * Changes after `resourceVersion`, in batches as they arrive; ends when the server ends it, which it does every few minutes.
   * The first batch is empty, and comes as soon as the server has accepted the watch: so one knows that the server is there.
   * Rejects as `isGone` when the version is too old, and as unreachable when nothing, not even a bookmark, arrives for too long.
   */
  watch(type: ResourceType, options: WatchOptions): AsyncIterable<readonly WatchEvent[]>;

  /** Rejects as `isConflict` when it exists. */
  create(type: ResourceType, object: WrittenObject, signal?: AbortSignal): Promise<ApiObject>;

  /**
   * Rejects as `isConflict` when `metadata.resourceVersion` is not the present one. An object that is being deleted goes with its last
   * finalizer: then the answer is its last state.
   */
  replace(type: ResourceType, object: WrittenObject, options?: ReplaceOptions): Promise<ApiObject>;

  /** Server-side apply, forced. On a subresource of an object that does not exist: `isNotFound`. */
  apply(type: ResourceType, object: WrittenObject, options: ApplyOptions): Promise<ApiObject>;

  /**
   * Resolves also when it is already gone. One that has finalizers is only marked by a `deletionTimestamp`, and stays until they are gone.
   * With `uid`: only that very object, with `resourceVersion`: only as it is in that version; else `isConflict`.
   */
  delete(type: ResourceType, name: ObjectName, options?: DeleteOptions): Promise<void>;

  close(): Promise<void>;
}

/** The API server could not be asked, or said no. Transient as far as Fairlead is concerned: what is in force stays in force. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** `reason` of the Status object (metav1.StatusReason), or `Unreachable`, `Timeout`, `Malformed`. */
  readonly reason: string;
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { status: number; reason: string; retryAfter?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfter = options.retryAfter;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** The resource version, or the rest of a list, is no longer kept: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** `staticroutes`, `staticroutes on-prem`, `leases kube-system/fairlead`: for messages. */
export function formatObject(type: ResourceType, name?: ObjectName): string {
  if (!name) return type.plural;
  return `${type.plural} ${name.namespace === undefined ? '' : `${name.namespace}/`}${name.name}`;
}
