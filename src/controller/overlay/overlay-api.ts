import { nodeOverlayIPName } from '../../api/kinds/node-overlay-ip.ts';
import {
  type ApiClient,
  ApiError,
  type ApiObject,
  isConflict,
  isNotFound,
  type ObjectName,
  type ResourceType,
  type WrittenObject,
} from '../../cluster/api-client.ts';
import { NODES } from '../../cluster/resource-types.ts';
import type { OverlayAddress } from '../../core/resources.ts';
import type { Log } from '../../runtime/log.ts';
import { Turns } from '../../runtime/turns.ts';
import { FIELD_MANAGER, type Writer } from '../writer.ts';
import type { OverlayIPStatus } from './decide-ip-status.ts';
import type { PoolStatus } from './decide-pool-status.ts';
import { addressText, ipView, type OverlayIPView } from './ip-view.ts';
import { type Ledger, writtenLedger } from './ledger.ts';
import { FINALIZER, MADE_BY, NODE_OVERLAY_IPS, OVERLAY_POOLS } from './names.ts';
import { NotDone } from './not-done.ts';
import { type PoolView, poolView } from './pool-view.ts';

/** Writes under way at once, of all pools together. */
const MOST_WRITES = 16;
const PAGE = 500;

export interface OverlayApiPorts {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/**
 * What is asked of the API server and written there about overlay addresses. Every method throws NotDone, and nothing else, when it is not
 * done. Nothing is written over a version that is not the one that was read.
 */
export class OverlayApi {
  readonly #ports: OverlayApiPorts;
  readonly #turns = new Turns(MOST_WRITES);
  #lastTrouble = '';

  constructor(ports: OverlayApiPorts) {
    this.#ports = ports;
  }

  /** Whether objects of this type may be written now. */
  isFree(type: ResourceType): boolean {
    return this.#ports.writer.isFree(type.kind);
  }

  /** Undefined when there is none. */
  async readPool(name: string): Promise<PoolView | undefined> {
    const object = await this.#read(OVERLAY_POOLS, { name });
    return object && poolView(object);
  }

  /** Undefined when there is none. */
  async readIP(node: string, pool: string): Promise<OverlayIPView | undefined> {
    const object = await this.#read(NODE_OVERLAY_IPS, { name: nodeOverlayIPName(node, pool) });
    return object && ipView(object);
  }

  async hasNode(name: string): Promise<boolean> {
    return (await this.#read(NODES, { name })) !== undefined;
  }

  /** All of a pool, as they are now. */
  async listIPs(pool: string): Promise<readonly OverlayIPView[]> {
    const { client, signal } = this.#ports;
    const options = { fieldSelector: `spec.pool=${pool}`, limit: PAGE, signal };
    const found: OverlayIPView[] = [];
    for (let rest: string | undefined, more = true; more; more = rest !== undefined) {
      const page = await this.#asked('list', () =>
        client.list(NODE_OVERLAY_IPS, { ...options, ...(rest !== undefined && { continue: rest }) }),
      );
      found.push(...(page?.items ?? []).map(ipView));
      rest = page?.continue;
    }
    return found;
  }

  /** With our finalizer, but granted to nobody. One that is there already is overtaken. */
  async createIP(node: string, pool: string, addresses: readonly OverlayAddress[]): Promise<OverlayIPView> {
    const name = nodeOverlayIPName(node, pool);
    const object: WrittenObject = {
      apiVersion: NODE_OVERLAY_IPS.apiVersion,
      kind: NODE_OVERLAY_IPS.kind,
      metadata: { name, finalizers: [FINALIZER], labels: { [MADE_BY.label]: MADE_BY.value } },
      spec: { node, pool, addresses: addresses.map(addressText) },
    };
    return ipView(await this.#write(NODE_OVERLAY_IPS, name, (client, signal) => client.create(NODE_OVERLAY_IPS, object, signal)));
  }

  /** Over that very version. */
  async tellIP({ name, uid, version }: OverlayIPView, status: OverlayIPStatus): Promise<OverlayIPView> {
    const metadata = { name, uid, resourceVersion: version };
    const object = { apiVersion: NODE_OVERLAY_IPS.apiVersion, kind: NODE_OVERLAY_IPS.kind, metadata, status };
    const options = { fieldManager: FIELD_MANAGER, subresource: 'status' } as const;
    return ipView(
      await this.#write(NODE_OVERLAY_IPS, name, (client, signal) => client.apply(NODE_OVERLAY_IPS, object, { ...options, signal })),
    );
  }

  /** That very object, whatever has become of it; one that has gone is fine. */
  async deleteIP({ name, uid }: OverlayIPView): Promise<void> {
    await this.#write(NODE_OVERLAY_IPS, name, (client, signal) => client.delete(NODE_OVERLAY_IPS, { name }, { uid, signal }));
  }

  /** The same, unless something has become of it. */
  async deleteUnchangedIP({ name, uid, version }: OverlayIPView): Promise<void> {
    const only = { uid, resourceVersion: version };
    await this.#write(NODE_OVERLAY_IPS, name, (client, signal) => client.delete(NODE_OVERLAY_IPS, { name }, { ...only, signal }));
  }

  /** Puts our finalizer on that very version, or takes it away. */
  async holdIP(view: OverlayIPView, hold: boolean): Promise<OverlayIPView> {
    return ipView(await this.#hold(NODE_OVERLAY_IPS, view, hold));
  }

  /** The same for a pool. */
  async holdPool(view: PoolView, hold: boolean): Promise<PoolView> {
    return poolView(await this.#hold(OVERLAY_POOLS, view, hold));
  }

  /** Over that very version: so of two who write the ledger one loses. */
  async tellPool({ name, uid, version }: PoolView, ledger: Ledger, counts: PoolStatus): Promise<PoolView> {
    const metadata = { name, uid, resourceVersion: version };
    const status = { ...counts, ledger: writtenLedger(ledger) };
    const object = { apiVersion: OVERLAY_POOLS.apiVersion, kind: OVERLAY_POOLS.kind, metadata, status };
    const options = { subresource: 'status' } as const;
    return poolView(
      await this.#write(OVERLAY_POOLS, name, (client, signal) => client.replace(OVERLAY_POOLS, object, { ...options, signal })),
    );
  }

  async #hold(type: ResourceType, { name, uid, version }: Pick<PoolView, 'name' | 'uid' | 'version'>, hold: boolean): Promise<ApiObject> {
    const object = await this.#read(type, { name });
    if (object?.metadata.uid !== uid || object.metadata.resourceVersion !== version) throw new NotDone('overtaken');
    const others = object.metadata.finalizers?.filter((finalizer) => finalizer !== FINALIZER) ?? [];
    const finalizers = hold ? [...others, FINALIZER] : others;
    return this.#write(type, name, (client, signal) =>
      client.replace(type, { ...object, metadata: { ...object.metadata, finalizers } }, { signal }),
    );
  }

  #read(type: ResourceType, name: ObjectName): Promise<ApiObject | undefined> {
    const { client, signal } = this.#ports;
    return this.#asked('get', () => client.get(type, name, signal));
  }

  async #asked<T>(verb: 'get' | 'list', ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw this.#ports.signal.aborted ? new NotDone('dropped') : error;
      if (isNotFound(error) && verb === 'get') return undefined;
      this.#say(`OverlayPools wait: ${error.message}; it is tried again`);
      throw new NotDone('dropped', error.message);
    }
  }

  async #write<T>(type: ResourceType, name: string, send: (client: ApiClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { client, writer } = this.#ports;
    const answers: { readonly value: T }[] = [];
    let overtaken = false;
    const rejections: string[] = [];
    const outcome = await this.#turns.take(() =>
      writer.write(type.kind, name, async (signal) => {
        try {
          answers.push({ value: await send(client, signal) });
        } catch (error) {
          // Somebody else was faster: nothing that anybody has to hear of.
          if (!isConflict(error)) {
            rejections.push(...rejectionsIn(error));
            throw error;
          }
          overtaken = true;
        }
      }),
    );
    const [answer] = answers;
    if (answer) return answer.value;
    if (overtaken || outcome === 'gone' || outcome === 'written') throw new NotDone('overtaken');
    const [rejection] = rejections;
    throw rejection === undefined ? new NotDone(outcome) : new NotDone('rejected', `${type.kind} ${name} is not written: ${rejection}`);
  }

  #say(words: string): void {
    if (words !== this.#lastTrouble) this.#ports.log.warn(words);
    this.#lastTrouble = words;
  }
}

/** What somebody may have to mend: the rules of an admission policy or a webhook, or a right. */
function rejectionsIn(error: unknown): readonly string[] {
  return error instanceof ApiError && REJECTIONS.includes(error.status) ? [error.message] : [];
}

/** By whom an object is refused that is fine for us: BadRequest, Forbidden, Invalid. */
const REJECTIONS: readonly number[] = [400, 403, 422];
