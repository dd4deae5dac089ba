import { setTimeout as sleep } from 'node:timers/promises';
import { Prefix } from '../../../src/core/ip/prefix.ts';
import { ObjectWatch } from './object-watch.ts';
import { destinationOf, nameOf, OTHER_GATEWAY, STATIC_ROUTE, STATIC_ROUTES, saysReady, staticRoute } from './objects.ts';
import { type Answered, type ApiPlace, Requests } from './requests.ts';
import { RouteMonitor } from './route-monitor.ts';

/** Where a client stands: beside the API server, with an eye on every node. */
export interface Stand {
  readonly api: ApiPlace;
  readonly kubeconfig: string;
  /** Network namespaces of the nodes. */
  readonly namespaces: readonly string[];
}

/** Milliseconds between two changes: not a multiple of any interval of ours, and never the same twice in a row. */
const PAUSE_MS = 100;
const PAUSES = 37;
/** Longer than agents and controller keep back a second report and a second status. */
const CALM_MS = 2_300;
const POLL_MS = 10;

/** Milliseconds from a request sent to the last node's kernel, one by one: objects created, then each with another gateway. */
export async function changes({ stand, count }: { readonly stand: Stand; readonly count: number }) {
  using client = new Client(stand);
  const created: number[] = [];
  for (let i = 0; i < count; i++) {
    created.push(await client.change(i, () => client.create(i)));
    await sleep(PAUSE_MS + (i % PAUSES));
  }
  const changed: number[] = [];
  for (let i = 0; i < count; i++) {
    changed.push(await client.change(i, () => client.setGateway(i, OTHER_GATEWAY)));
    await sleep(PAUSE_MS + (i % PAUSES));
  }
  return { created, changed };
}

/** Milliseconds from a POST sent to the status that says that all nodes are ready, one by one, each after a time of calm. */
export async function statuses({ stand, count, first }: { readonly stand: Stand; readonly count: number; readonly first: number }) {
  using client = new Client(stand);
  await using watch = await ObjectWatch.open(stand.kubeconfig, STATIC_ROUTE);
  const figures: number[] = [];
  for (let i = first; i < first + count; i++) {
    await sleep(CALM_MS);
    const ready = watch.until([nameOf(i)], saysReady(stand.namespaces.length));
    const { sent } = await client.create(i);
    figures.push((await ready) - sent);
  }
  return { figures };
}

/** Milliseconds after the last of many POSTs was sent: its answer, the last route in the last kernel, the last status. */
export async function burst({
  stand,
  count,
  connections,
}: {
  readonly stand: Stand;
  readonly count: number;
  readonly connections: number;
}) {
  using client = new Client(stand, connections);
  await using watch = await ObjectWatch.open(stand.kubeconfig, STATIC_ROUTE);
  const indexes = Array.from({ length: count }, (_, i) => i);
  const routes = client.arrival(...indexes);
  const ready = watch.until(indexes.map(nameOf), saysReady(stand.namespaces.length));
  const begin = performance.now();
  const queue = indexes.values();
  const answers: Answered[] = [];
  const post = async (): Promise<void> => {
    for (const i of queue) answers.push(await client.create(i));
  };
  await Promise.all(Array.from({ length: connections }, post));
  const last = Math.max(...answers.map(({ sent }) => sent));
  const answered = Math.max(...answers.map(({ answered }) => answered)) - last;
  return { posting: last - begin, answered, routes: (await routes) - last, statuses: (await ready) - last };
}

/** Waits for an API server that is away, and posts as soon as it is there: milliseconds from /readyz saying ok to the last kernel. */
export async function comeback({ stand, index }: { readonly stand: Stand; readonly index: number }) {
  using client = new Client(stand);
  const arrival = client.arrival(index);
  while ((await client.requests.attempt('GET', '/readyz').catch(() => undefined))?.code !== 200) await sleep(POLL_MS);
  const back = performance.now();
  while ((await client.requests.attempt('POST', STATIC_ROUTES, staticRoute(index)).catch(() => undefined))?.code !== 201)
    await sleep(POLL_MS);
  return { accepted: performance.now() - back, kernel: (await arrival) - back };
}

/** Gives a StaticRoute of one subnet one gateway after the other, each when the last is in the kernels. */
export async function flips({
  stand,
  name,
  subnet,
  gateways,
}: {
  readonly stand: Stand;
  readonly name: string;
  readonly subnet: string;
  readonly gateways: readonly string[];
}) {
  using client = new Client(stand);
  const destination = Number(Prefix.parse(subnet).first.bits);
  for (const [i, gateway] of gateways.entries()) {
    const arrival = client.announcement(destination);
    await client.requests.send('PATCH', `${STATIC_ROUTES}/${name}`, { spec: { via: { gateway } } });
    await arrival;
    await sleep(PAUSE_MS + (i % PAUSES));
  }
  return {};
}

class Client implements Disposable {
  readonly requests: Requests;
  readonly #monitors: readonly RouteMonitor[];

  constructor({ api, namespaces }: Stand, connections = 1) {
    this.requests = new Requests(api, connections);
    this.#monitors = namespaces.map((namespace) => new RouteMonitor(namespace));
  }

  /** Resolves with the time at which the last of the nodes has routes for all of these objects. */
  arrival(...indexes: readonly number[]): Promise<number> {
    return this.announcement(...indexes.map(destinationOf));
  }

  /** The same of addresses, as numbers. */
  async announcement(...destinations: readonly number[]): Promise<number> {
    return Math.max(...(await Promise.all(this.#monitors.map((monitor) => monitor.arrival(...destinations)))));
  }

  create(index: number) {
    return this.requests.send('POST', STATIC_ROUTES, staticRoute(index));
  }

  setGateway(index: number, gateway: string) {
    return this.requests.send('PATCH', `${STATIC_ROUTES}/${nameOf(index)}`, { spec: { via: { gateway } } });
  }

  async change(index: number, make: () => Promise<{ readonly sent: number }>): Promise<number> {
    const arrival = this.arrival(index);
    const { sent } = await make();
    return (await arrival) - sent;
  }

  [Symbol.dispose](): void {
    this.requests[Symbol.dispose]();
    for (const monitor of this.#monitors) monitor[Symbol.dispose]();
  }
}
