import { API_VERSION } from '../../api/define-kind.ts';
import type { EventSink, EventSubject } from '../../cluster/cluster.ts';
import type { OverlayIPView } from './ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from './names.ts';
import type { PoolView } from './pool-view.ts';
import type { OverlayReason, PoolProblem, Verdict } from './reasons.ts';

/** Tells people about what is wrong, beside the objects, each time that it begins. */
export class Announcer {
  readonly #events: EventSink;
  #told: ReadonlySet<OverlayReason> = new Set();

  constructor(events: EventSink) {
    this.#events = events;
  }

  /** What is wrong with a pool now. Words may change while the reason is the same: numbers, names. That is no new event. */
  pool(pool: PoolView, problems: readonly PoolProblem[]): void {
    for (const { reason, message } of problems) {
      if (!this.#told.has(reason)) this.#events.record({ about: subject(OVERLAY_POOLS.kind, pool), type: 'Warning', reason, message });
    }
    this.#told = new Set(problems.map(({ reason }) => reason));
  }

  ip(object: OverlayIPView, { reason, message }: Verdict): void {
    this.#events.record({ about: subject(NODE_OVERLAY_IPS.kind, object), type: 'Warning', reason, message });
  }
}

function subject(kind: string, { name, uid }: { readonly name: string; readonly uid: string }): EventSubject {
  return { apiVersion: API_VERSION, kind, name, uid };
}
