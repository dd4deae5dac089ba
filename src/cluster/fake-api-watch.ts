import type { ApiObject, WatchEvent } from './api-client.ts';
import { freeze } from './fake-api-fields.ts';
import type { Matcher } from './fake-api-selectors.ts';

export interface Change {
  readonly version: number;
  readonly resource: string;
  readonly before: ApiObject | undefined;
  readonly after: ApiObject | undefined;
}

interface WatchSource {
  readonly resource: string;
  readonly matches: Matcher;
  readonly from: number;
  readonly history: () => readonly Change[];
  readonly forget: (watch: FakeWatch) => void;
}

/** One watch, as far as the server is concerned. */
export class FakeWatch {
  readonly #source: WatchSource;
  #at: number;
  #bookmark: string | undefined;
  #ended = false;
  #news = Promise.withResolvers<void>();

  constructor(source: WatchSource) {
    this.#source = source;
    this.#at = source.from;
  }

  get resource(): string {
    return this.#source.resource;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when there may be something to take, or the watch has ended. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  wake(): void {
    this.#news.resolve();
  }

  bookmark(version: string): void {
    this.#bookmark = version;
    this.wake();
  }

  end(): void {
    this.#ended = true;
    this.#source.forget(this);
    this.wake();
  }

  /** What happened since the last time. */
  take(): readonly WatchEvent[] {
    if (!this.#ended) this.#news = Promise.withResolvers();
    const history = this.#source.history();
    const changes = after(history, this.#at).filter(({ resource }) => resource === this.resource);
    this.#at = Math.max(this.#at, history.at(-1)?.version ?? this.#at);
    const events = changes.flatMap((change) => eventOf(change, this.#source.matches));
    const bookmark: WatchEvent[] = this.#bookmark === undefined ? [] : [{ type: 'BOOKMARK', resourceVersion: this.#bookmark }];
    this.#bookmark = undefined;
    return [...events, ...bookmark];
  }
}

/** The changes after a version; from the end, because all that came before may be much. */
function after(history: readonly Change[], version: number): readonly Change[] {
  let start = history.length;
  while ((history[start - 1]?.version ?? version) > version) start--;
  return history.slice(start);
}

/** What leaves the selection is deleted for whoever watches it: the last state that belonged to it, with the new version. */
function eventOf({ version, before, after }: Change, matches: Matcher): readonly WatchEvent[] {
  const was = before !== undefined && matches(before);
  if (after !== undefined && matches(after)) return [{ type: was ? 'MODIFIED' : 'ADDED', object: after }];
  if (!was) return [];
  return [{ type: 'DELETED', object: freeze({ ...before, metadata: { ...before.metadata, resourceVersion: String(version) } }) }];
}
