import type { Family } from '../../../core/ip/address.ts';
import type { Route, RouteSpec } from '../../../core/route.ts';
import { encodeAddRoute, encodeRemoveRoute, encodeReplaceRoute } from './routes.ts';
import type { MessageWriter } from './writer.ts';

export type RouteOperation = 'add-route' | 'replace-route' | 'remove-route';

const ENCODERS = { 'add-route': encodeAddRoute, 'replace-route': encodeReplaceRoute, 'remove-route': encodeRemoveRoute } as const;

/** Offsets in a route message: rtm_dst_len, and the value of RTA_DST, which is the first attribute. */
const DST_LEN = 17;
const DST = 32;

/** Writes route messages. Of neighbours that differ only in their destination, all but the first are copied and patched. */
export class RouteEncoder {
  readonly #writer: MessageWriter;
  #operation: RouteOperation | undefined;
  #family: Family | undefined;
  #spec: RouteSpec | undefined;
  #message: Int32Array = new Int32Array();

  constructor(writer: MessageWriter) {
    this.#writer = writer;
  }

  encode(operation: RouteOperation, seq: number, route: Route): void {
    const { prefix, spec } = route;
    // A default route has no RTA_DST.
    if (spec !== this.#spec || operation !== this.#operation || prefix.family !== this.#family || prefix.length === 0) {
      this.#encodeWhole(operation, seq, route);
      return;
    }
    const at = this.#writer.again(this.#message, seq);
    this.#writer.byteAt(at + DST_LEN, prefix.length);
    this.#writer.prefixAt(at + DST, prefix);
  }

  #encodeWhole(operation: RouteOperation, seq: number, route: Route): void {
    ENCODERS[operation](this.#writer, seq, route);
    if (route.prefix.length === 0) return;
    this.#operation = operation;
    this.#family = route.prefix.family;
    this.#spec = route.spec;
    this.#message = this.#writer.copyOfLast();
  }
}
