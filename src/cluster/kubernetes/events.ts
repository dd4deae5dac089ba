import { randomBytes } from 'node:crypto';
import { GROUP } from '../../api/define-kind.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type ApiClient, ApiError, type ResourceType, type WrittenObject } from '../api-client.ts';
import type { ClusterEvent, EventSink } from '../cluster.ts';
import { microTime } from '../micro-time.ts';

/** The same event within so many milliseconds of the last time is counted instead of written as a new one. */
const SERIES = 600_000;
/** A series is not written more often than this, in milliseconds: the count lags a little behind. */
const SERIES_INTERVAL = 30_000;
/** So many events may be written at once; then one in so many milliseconds. */
const BURST = 20;
const REFILL = 3_000;
/** So many may be under way, and so many series are remembered. */
const MOST_WAITING = 20;
const MOST_SERIES = 1_000;
/** Limits of the API server: bytes of a note, characters of the reporting instance and of a name. */
const LONGEST_NOTE = 1024;
const LONGEST_INSTANCE = 128;
const LONGEST_NAME = 230;
/** Where events about objects without a namespace live. */
const DEFAULT_NAMESPACE = 'default';

const EVENTS: ResourceType = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };

/** Who says what happened: the agent of the node of that name, or the controller process of that name. */
export interface Reporter {
  readonly role: 'agent' | 'controller';
  readonly name: string;
}

export interface EventsOptions {
  readonly client: ApiClient;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** Hears that events are not recorded: once, until they are again. */
  readonly warn: (message: string) => void;
}

/**
 * Writes events of the group events.k8s.io, as `kubectl describe` and `kubectl events` show them. What cannot be written is lost.
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export function openEvents(options: EventsOptions): EventSink {
  return new Events(options);
}

interface Series {
  readonly name: string;
  /** When it was first seen, as a MicroTime. */
  readonly eventTime: string;
  count: number;
  seen: number;
  written: number;
}

class Events implements EventSink {
  readonly #options: EventsOptions;
  /** Those seen last are last. */
  readonly #series = new Map<string, Series>();
  readonly #bucket: Bucket;
  #writing: Promise<void> = Promise.resolve();
  #waiting = 0;
  #silent = false;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#bucket = new Bucket(options.clock);
  }

  record(event: ClusterEvent): void {
    const { clock } = this.#options;
    const now = clock.now();
    const series = this.#count(event, now);
    if (now - series.written < SERIES_INTERVAL) return;
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) {
      this.#warnOnce(obstacle);
      return;
    }
    series.written = now;
    const object = toObject(event, { ...series }, this.#options.reporter, clock.date());
    this.#waiting++;
    this.#writing = this.#writing.then(() => this.#write(object));
  }

  #obstacle(): string | undefined {
    if (!this.#bucket.take()) return 'there are too many of them at once';
    return this.#waiting >= MOST_WAITING ? 'those before them are still under way' : undefined;
  }

  #count(event: ClusterEvent, now: number): Series {
    this.#forget(now);
    const key = JSON.stringify([event.about, event.type, event.reason, event.message]);
    const series = this.#series.get(key) ?? {
      name: nameFor(event),
      eventTime: microTime(this.#options.clock.date()),
      count: 0,
      seen: now,
      written: Number.NEGATIVE_INFINITY,
    };
    series.count++;
    series.seen = now;
    this.#series.delete(key);
    this.#series.set(key, series);
    return series;
  }

  #forget(now: number): void {
    for (const [key, { seen }] of this.#series) {
      if (now - seen < SERIES && this.#series.size < MOST_SERIES) return;
      this.#series.delete(key);
    }
  }

  async #write(object: WrittenObject): Promise<void> {
    try {
      // Only the series of an event may be changed, and to apply it makes it when it is not there.
      await this.#options.client.apply(EVENTS, object, { fieldManager: `fairlead-${this.#options.reporter.role}` });
      this.#silent = false;
    } catch (error) {
      this.#warnOnce(explained(error));
    } finally {
      this.#waiting--;
    }
  }

  #warnOnce(why: string): void {
    const { reporter, warn } = this.#options;
    if (!this.#silent) warn(`events of ${reporter.role} ${reporter.name} are not recorded: ${why}`);
    this.#silent = true;
  }
}

/** Tokens that are spent at once, and come back one by one. */
class Bucket {
  readonly #clock: Clock;
  #tokens = BURST;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  take(): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#at) / REFILL);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

function toObject({ about, type, reason, message }: ClusterEvent, series: Series, { role, name }: Reporter, now: Date): WrittenObject {
  return {
    apiVersion: EVENTS.apiVersion,
    kind: EVENTS.kind,
    metadata: { name: series.name, namespace: about.namespace ?? DEFAULT_NAMESPACE },
    eventTime: series.eventTime,
    reportingController: `${GROUP}/${role}`,
    reportingInstance: name.slice(0, LONGEST_INSTANCE),
    action: 'Reconcile',
    type,
    reason,
    note: cut(message),
    regarding: about,
    ...(series.count > 1 && { series: { count: series.count, lastObservedTime: microTime(now) } }),
  };
}

/** Each of its labels must end in a letter or a digit. */
function nameFor({ about }: ClusterEvent): string {
  return `${about.name.slice(0, LONGEST_NAME).replace(/[.-]+$/, '')}.${randomBytes(8).toString('hex')}`;
}

function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= LONGEST_NOTE) return message;
  // A character that is cut in two is dropped.
  return `${new TextDecoder().decode(bytes.subarray(0, LONGEST_NOTE - 6)).replace(/\uFFFD$/, '')}...`;
}

function explained(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  const denied = error instanceof ApiError && error.status === 403;
  return denied ? `${words}; grant the verbs create and patch on events.events.k8s.io` : words;
}
