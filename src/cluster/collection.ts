import type { ApiObject, WatchEvent } from './api-client.ts';

/** One object as it is kept: what was made of it, and nothing else of what may be much. */
export interface Item<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly value: T;
}

/**
 * Makes of an object what is kept. Called once for each version of it; `before` is what was made of the version before. Whoever answers that
 * again says that nothing has changed.
 */
export type Convert<T> = (object: ApiObject, before: T | undefined) => T;

/** What a batch of events did. */
export interface Taken {
  readonly changed: boolean;
  /** The server told of something that was already behind: what it tells cannot be relied on. */
  readonly disorder: string | undefined;
}

/** The objects of one type by name (`name`, or `namespace/name`), as lists and events tell them. */
export class Collection<T> {
  readonly #items = new Map<string, Item<T>>();
  readonly #convert: Convert<T>;
  /** Where a watch goes on from; undefined before the first list. */
  #version: string | undefined;

  constructor(convert: Convert<T>) {
    this.#convert = convert;
  }

  get items(): ReadonlyMap<string, Item<T>> {
    return this.#items;
  }

  get version(): string | undefined {
    return this.#version;
  }

  /** Takes over a complete list; what has not changed keeps its identity. Answers whether anything has. */
  replace(objects: readonly ApiObject[], version: string): boolean {
    const listed = new Map(objects.map((object) => [keyOf(object), object]));
    const gone = [...this.#items.keys()].filter((key) => !listed.has(key));
    // Converted before anything is taken over: a bug in the conversion changes nothing.
    const next = [...listed].flatMap(([key, object]): readonly [string, Item<T>][] =>
      this.#has(key, object) ? [] : [[key, this.#item(key, object)]],
    );
    const changed = gone.length > 0 || next.some(([key, { value }]) => !this.#items.has(key) || this.#items.get(key)?.value !== value);
    for (const key of gone) this.#items.delete(key);
    for (const [key, item] of next) this.#items.set(key, item);
    this.#version = version;
    return changed;
  }

  /** Takes events in the order of their versions. Those that are behind change nothing. */
  take(events: readonly WatchEvent[]): Taken {
    let changed = false;
    for (const event of events) {
      const version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
      if (this.#version !== undefined && isOlder(version, this.#version)) return { changed, disorder: disorderOf(event, this.#version) };
      if (event.type !== 'BOOKMARK') changed = this.#takeOne(event.type, event.object) || changed;
      this.#version = version;
    }
    return { changed, disorder: undefined };
  }

  #takeOne(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ApiObject): boolean {
    const key = keyOf(object);
    const known = this.#items.get(key);
    // A list may hold what is newer than its own version.
    if (known && isOlder(object.metadata.resourceVersion, known.resourceVersion)) return false;
    if (type === 'DELETED') return this.#items.delete(key);
    if (this.#has(key, object)) return false;
    const item = this.#item(key, object);
    this.#items.set(key, item);
    return known === undefined || known.value !== item.value;
  }

  #item(key: string, object: ApiObject): Item<T> {
    const { uid, resourceVersion } = object.metadata;
    return { uid, resourceVersion, value: this.#convert(object, this.#items.get(key)?.value) };
  }

  #has(key: string, { metadata }: ApiObject): boolean {
    const known = this.#items.get(key);
    return known?.uid === metadata.uid && known.resourceVersion === metadata.resourceVersion;
  }
}

/**
 * Whether a version is before another one. They count up through the whole cluster; a server whose versions are no numbers is believed.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export function isOlder(version: string, than: string): boolean {
  return isNumber(version) && isNumber(than) && BigInt(version) < BigInt(than);
}

function isNumber(version: string): boolean {
  return /^\d{1,40}$/.test(version);
}

function keyOf({ metadata: { namespace, name } }: ApiObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function disorderOf(event: WatchEvent, version: string): string {
  const what = event.type === 'BOOKMARK' ? `a bookmark at version ${event.resourceVersion}` : eventText(event);
  return `${what} came after version ${version}`;
}

function eventText({ type, object }: Exclude<WatchEvent, { readonly type: 'BOOKMARK' }>): string {
  return `${type} ${keyOf(object)} at version ${object.metadata.resourceVersion}`;
}
