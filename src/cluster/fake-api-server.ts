import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  ApiMetadata,
  ApiObject,
  ApplyOptions,
  DeleteOptions,
  ObjectName,
  Page,
  ResourceType,
  Selection,
  WrittenObject,
} from './api-client.ts';
import {
  changedPaths,
  type Fields,
  freeze,
  isFields,
  type ListKeys,
  listOf,
  overTheWire,
  type Path,
  pathsOf,
  removeAt,
  sameAt,
  setAt,
  valueAt,
} from './fake-api-fields.ts';
import {
  badRequest,
  exists,
  expired,
  mustBeSpecified,
  notFound,
  notServed,
  otherUid,
  refuseAppliedUid,
  refuseNewFinalizers,
  refuseOther,
  tooLarge,
} from './fake-api-refusals.ts';
import { matcherOf } from './fake-api-selectors.ts';
import { type Change, FakeWatch } from './fake-api-watch.ts';

/** How the server treats a type. */
export interface FakeTraits {
  /** `/status` is written by itself, and only by itself. */
  readonly status: boolean;
  /** `metadata.generation` counts the changes outside metadata and status. */
  readonly generation: boolean;
  /** Besides `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: readonly string[];
  /** Lists whose items are merged by key when they are applied, by their paths: `status.conditions` -> `type`. */
  readonly listKeys: ListKeys;
}

interface Served extends FakeTraits {
  readonly type: ResourceType;
  served: boolean;
  readonly objects: Map<string, Stored>;
}

interface Stored {
  readonly object: ApiObject;
  /** Who owns which fields, by manager. */
  readonly owners: ReadonlyMap<string, ReadonlySet<Path>>;
}

/** What `restore` goes back to. */
export interface FakeBackup {
  readonly version: number;
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, Stored>>;
}

const FIRST_VERSION = 1000;

/** An API server in memory, with its storage. Several clients may share it. Synchronous; refuses with ApiError. */
export class FakeApiServer {
  readonly #types = new Map<string, Served>();
  readonly #watches = new Set<FakeWatch>();
  readonly #rests = new Map<string, { readonly version: number; readonly items: readonly ApiObject[] }>();
  #history: Change[] = [];
  #version = FIRST_VERSION;
  #oldest = FIRST_VERSION;

  get version(): string {
    return String(this.#version);
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** From now on there is such a type. Custom resources have a status subresource and a generation unless `traits` says otherwise. */
  serve(type: ResourceType, traits: Partial<FakeTraits> = {}): void {
    const custom = /^[^/]+\.[^/]+\//.test(type.apiVersion) && !type.apiVersion.includes('.k8s.io/');
    const before = this.#types.get(resourceKey(type));
    const { objects = new Map() } = before ?? {};
    this.#types.set(resourceKey(type), {
      status: custom,
      generation: custom,
      selectableFields: [],
      listKeys: {},
      ...traits,
      type,
      served: true,
      objects,
    });
  }

  /** As if the type were not installed. Its objects are there again when it is served again; whoever deletes a CRD loses them. */
  withdraw(type: ResourceType): void {
    const served = this.#types.get(resourceKey(type));
    if (served) served.served = false;
    for (const watch of [...this.#watches]) if (watch.resource === resourceKey(type)) watch.end();
  }

  /** Versions, and rests of lists, from before now are no longer kept. */
  expire(): void {
    this.#oldest = this.#version;
    for (const [token, { version }] of this.#rests) if (version < this.#oldest) this.#rests.delete(token);
  }

  backup(): FakeBackup {
    return { version: this.#version, objects: new Map([...this.#types].map(([key, { objects }]) => [key, new Map(objects)])) };
  }

  /** What happens when etcd is restored from a backup: versions go back, and are given out again. */
  restore({ version, objects }: FakeBackup): void {
    this.#version = version;
    this.#history = this.#history.filter((change) => change.version <= version);
    this.#rests.clear();
    for (const [key, served] of this.#types) {
      served.objects.clear();
      for (const [name, stored] of objects.get(key) ?? []) served.objects.set(name, stored);
    }
    this.endWatches();
  }

  /** Sends a bookmark to every watch. */
  bookmark(): void {
    for (const watch of this.#watches) watch.bookmark(this.version);
  }

  /** As a real one does every few minutes. */
  endWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  /** The type of that name; undefined when it is not served. */
  typeOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): ResourceType | undefined {
    return [...this.#types.values()].find(({ type, served }) => served && type.apiVersion === apiVersion && type.kind === kind)?.type;
  }

  get(type: ResourceType, name: ObjectName): ApiObject {
    const stored = this.#find(type).objects.get(keyOf(type, name));
    if (!stored) throw notFound(type, name.name);
    return stored.object;
  }

  find(type: ResourceType, name: ObjectName): ApiObject | undefined {
    return this.#find(type).objects.get(keyOf(type, name))?.object;
  }

  list(type: ResourceType, options: Selection & { readonly limit?: number; readonly continue?: string }): Page {
    const { objects, selectableFields } = this.#find(type);
    const matches = matcherOf(options, selectableFields);
    const rest = options.continue === undefined ? undefined : this.#rests.get(options.continue);
    if (options.continue !== undefined && !rest) throw expired('The provided continue parameter is too old');
    const sorted = [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { object }]) => object);
    const { version, items } = rest ?? { version: this.#version, items: sorted.filter(matches) };
    const limit = options.limit ?? items.length;
    if (items.length <= limit || limit === 0) return { items, resourceVersion: String(version) };
    const token = Buffer.from(`${version} ${randomUUID()}`).toString('base64url');
    this.#rests.set(token, { version, items: items.slice(limit) });
    return { items: items.slice(0, limit), resourceVersion: String(version), continue: token };
  }

  watch(type: ResourceType, options: Selection & { readonly resourceVersion: string }): FakeWatch {
    const { selectableFields } = this.#find(type);
    const matches = matcherOf(options, selectableFields);
    const from = Number(options.resourceVersion);
    if (from < this.#oldest) throw expired(`too old resource version: ${from} (${this.#oldest})`);
    if (from > this.#version) throw tooLarge(from, this.#version);
    const forget = (watch: FakeWatch): void => void this.#watches.delete(watch);
    const watch = new FakeWatch({ resource: resourceKey(type), matches, from, history: () => this.#history, forget });
    this.#watches.add(watch);
    return watch;
  }

  create(type: ResourceType, sent: WrittenObject): ApiObject {
    const served = this.#find(type);
    const object = checked(type, sent);
    if (served.objects.has(keyOf(type, sent.metadata))) {
      throw exists(type, sent.metadata.name);
    }
    if (served.status) delete object['status'];
    return this.#store(served, undefined, object, new Map([['update', pathsOf(object, 'all', served.listKeys)]]));
  }

  replace(type: ResourceType, sent: WrittenObject, subresource?: 'status'): ApiObject {
    const served = this.#find(type);
    const before = served.objects.get(keyOf(type, sent.metadata));
    if (!before) throw notFound(type, sent.metadata.name);
    const object = checked(type, sent);
    const { resourceVersion } = sent.metadata;
    const { uid } = sent.metadata;
    if (!subresource && uid !== undefined && uid !== before.object.metadata.uid) throw otherUid(type, before.object, uid);
    if (resourceVersion === undefined && served.generation) throw mustBeSpecified(type, sent.metadata.name);
    if (resourceVersion !== undefined) refuseOther(type, before.object, resourceVersion);
    const next = subresource || served.status ? withPart(before.object, object, subresource) : object;
    return this.#store(served, before, next, disown(before, changedPaths(before.object, next, served.listKeys), 'update'));
  }

  apply(type: ResourceType, sent: WrittenObject, { fieldManager, subresource }: ApplyOptions): ApiObject {
    const served = this.#find(type);
    const object = checked(type, sent);
    const paths = pathsOf(object, subresource ?? (served.status ? 'main' : 'all'), served.listKeys);
    const before = served.objects.get(keyOf(type, sent.metadata));
    const manager = `apply ${fieldManager} ${subresource ?? ''}`;
    if (!before && subresource) throw notFound(type, sent.metadata.name);
    if (!subresource) refuseAppliedUid(type, before?.object, sent);
    if (before && sent.metadata.resourceVersion !== undefined) refuseOther(type, before.object, sent.metadata.resourceVersion);
    const { name, namespace } = sent.metadata;
    const next = before ? overTheWire(before.object) : { apiVersion: type.apiVersion, kind: type.kind, metadata: { name, namespace } };
    const others = [...(before?.owners ?? [])].filter(([owner]) => owner !== manager);
    for (const path of before?.owners.get(manager) ?? []) {
      if (!paths.has(path) && !others.some(([, owned]) => owned.has(path))) removeAt(next, path);
    }
    const taken = [...paths].filter((path) => !sameAt(next, object, path));
    for (const path of paths) setAt(next, path, valueAt(object, path));
    const owners = new Map(others.map(([owner, owned]) => [owner, new Set([...owned].filter((path) => !taken.includes(path)))]));
    return this.#store(served, before, next, owners.set(manager, new Set(paths)));
  }

  delete(type: ResourceType, name: ObjectName, { uid, resourceVersion }: Pick<DeleteOptions, 'uid' | 'resourceVersion'> = {}): void {
    const served = this.#find(type);
    const stored = served.objects.get(keyOf(type, name));
    if (!stored) return;
    const { metadata } = stored.object;
    if (uid !== undefined && uid !== metadata.uid) throw otherUid(type, stored.object, uid);
    if (resourceVersion !== undefined) refuseOther(type, stored.object, resourceVersion);
    if ((metadata.finalizers ?? []).length === 0) this.#remove(served, stored.object);
    else if (metadata.deletionTimestamp === undefined) this.#store(served, stored, marked(stored.object), stored.owners);
  }

  /** Creates or replaces the whole object, status included, as somebody with every right and no regard for versions. The times are the sent ones. */
  put(type: ResourceType, sent: object): ApiObject {
    const served = this.#find(type);
    const object = checked(type, sent);
    const before = served.objects.get(keyOf(type, nameOf(object)));
    const changed = before ? changedPaths(before.object, object, served.listKeys) : [];
    const owners = before ? disown(before, changed, 'update') : new Map([['update', pathsOf(object, 'all', served.listKeys)]]);
    return this.#store(served, before, object, owners);
  }

  #find(type: ResourceType): Served {
    const served = this.#types.get(resourceKey(type));
    if (!served?.served) throw notServed();
    return served;
  }

  #store(served: Served, before: Stored | undefined, object: Fields, owners: Stored['owners']): ApiObject {
    const { type } = served;
    const metadata = metadataOf(served, before?.object, object);
    const next: ApiObject = { ...object, apiVersion: type.apiVersion, kind: type.kind, metadata };
    const key = keyOf(type, metadata);
    if (before && isDeepStrictEqual(next, before.object)) {
      served.objects.set(key, { object: before.object, owners });
      return before.object;
    }
    refuseNewFinalizers(type, before?.object, next);
    const stored = freeze({ ...next, metadata: { ...metadata, resourceVersion: String(this.#version + 1) } });
    if (before?.object.metadata.deletionTimestamp !== undefined && !metadata.finalizers) {
      this.#remove(served, before.object);
      return stored;
    }
    served.objects.set(key, { object: stored, owners });
    this.#commit(type, before?.object, stored);
    return stored;
  }

  #remove(served: Served, object: ApiObject): void {
    served.objects.delete(keyOf(served.type, object.metadata));
    this.#commit(served.type, object, undefined);
  }

  #commit(type: ResourceType, before: ApiObject | undefined, after: ApiObject | undefined): void {
    this.#version++;
    this.#history.push({ version: this.#version, resource: resourceKey(type), before, after });
    for (const watch of this.#watches) if (watch.resource === resourceKey(type)) watch.wake();
  }
}

function metadataOf(served: Served, before: ApiObject | undefined, object: Fields): ApiMetadata {
  const sent = nameOf(object);
  const counts = (of: Fields): Fields => ({ ...of, metadata: undefined, ...(served.status && { status: undefined }) });
  const changed = before !== undefined && !isDeepStrictEqual(counts(stripped(object)), counts(stripped(before)));
  const deleted = before?.metadata.deletionTimestamp === undefined && sent['deletionTimestamp'] !== undefined;
  return {
    name: sent.name,
    ...(sent.namespace !== undefined && { namespace: sent.namespace }),
    uid: before?.metadata.uid ?? randomUUID(),
    resourceVersion: before?.metadata.resourceVersion ?? '',
    ...(served.generation && { generation: (before?.metadata.generation ?? 0) + (changed || !before || deleted ? 1 : 0) }),
    creationTimestamp:
      before?.metadata.creationTimestamp ?? timeOf(sent['creationTimestamp']) ?? `${new Date().toISOString().slice(0, 19)}Z`,
    ...deletionOf(sent, before),
    ...finalizersOf(sent),
    ...textsOf('labels', sent),
    ...textsOf('annotations', sent),
  };
}

/** Once it is set, nobody takes it back. */
function deletionOf(sent: Fields, before: ApiObject | undefined): Partial<ApiMetadata> {
  const deletionTimestamp = before?.metadata.deletionTimestamp ?? timeOf(sent['deletionTimestamp']);
  return deletionTimestamp === undefined ? {} : { deletionTimestamp };
}

function finalizersOf(sent: Fields): Partial<ApiMetadata> {
  const finalizers = [...new Set(listOf(sent['finalizers']).map(String))];
  return finalizers.length === 0 ? {} : { finalizers };
}

/** As an object that has finalizers is when somebody deletes it. */
function marked(object: ApiObject): Fields {
  return { ...overTheWire(object), metadata: { ...object.metadata, deletionTimestamp: `${new Date().toISOString().slice(0, 19)}Z` } };
}

function textsOf(field: 'labels' | 'annotations', sent: Fields): Partial<ApiMetadata> {
  const texts = isFields(sent[field]) ? Object.entries(sent[field]) : [];
  return texts.length === 0 ? {} : { [field]: Object.fromEntries(texts.map(([key, text]) => [key, String(text)])) };
}

function timeOf(sent: unknown): string | undefined {
  return typeof sent === 'string' ? sent : undefined;
}

function stripped(object: Fields | ApiObject): Fields {
  return { ...object, apiVersion: undefined, kind: undefined };
}

/** `before` with the status of `sent`, or `sent` with the status of `before`. */
function withPart(before: ApiObject, sent: Fields, subresource: 'status' | undefined): Fields {
  const status = subresource ? sent['status'] : before['status'];
  const { status: _, ...rest } = subresource ? overTheWire(before) : sent;
  return { ...rest, ...(status !== undefined && { status }) };
}

/** Whoever changes fields by an update takes them from those who applied them. */
function disown(before: Stored, changed: readonly Path[], by: string): Stored['owners'] {
  const owners = new Map(
    [...before.owners].map(([owner, owned]) => [owner, new Set([...owned].filter((path) => !changed.includes(path)))]),
  );
  return owners.set(by, new Set([...(owners.get(by) ?? []), ...changed]));
}

function checked(type: ResourceType, sent: object): Fields {
  const object = overTheWire(sent);
  if (object['apiVersion'] === type.apiVersion && object['kind'] === type.kind) return object;
  const given = `${String(object['apiVersion'])} ${String(object['kind'])}`;
  throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): ${given}`);
}

function nameOf(object: Fields): Fields & { readonly name: string; readonly namespace?: string } {
  const metadata = object['metadata'];
  if (!isFields(metadata) || typeof metadata['name'] !== 'string') throw badRequest('metadata.name is missing');
  const { name, namespace } = metadata;
  return { ...metadata, name, ...(typeof namespace === 'string' && { namespace }) };
}

function keyOf(type: ResourceType, { name, namespace }: ObjectName): string {
  if (type.namespaced && namespace === undefined) throw badRequest(`an empty namespace may not be set for ${type.plural}`);
  return type.namespaced ? `${namespace}/${name}` : name;
}

function resourceKey({ apiVersion, plural }: ResourceType): string {
  return `${apiVersion} ${plural}`;
}
