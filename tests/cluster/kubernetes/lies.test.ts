import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type ListOptions, type ResourceType, type WatchEvent } from '../../../src/cluster/api-client.ts';
import { until, wireRoute } from '../../../src/cluster/cluster.contract.ts';
import type { ResourceSource } from '../../../src/cluster/cluster.ts';
import type { ResourceSnapshot } from '../../../src/core/resources.ts';
import { ADDRESSES, ClusterStage, NETWORKS, NODES, ROUTES } from './cluster-stage.ts';
import { answer, type Received } from './scripted-server.ts';
import { makeSetting, type Setting } from './setting.ts';

/** More than one page of a list. */
const COUNT = 600;

/** Answers in place of the truth, or not at all (false). */
type Lie = (stream: ServerHttp2Stream, question: Question) => boolean;

interface Question {
  readonly type: ResourceType;
  readonly watching: boolean;
  readonly query: URLSearchParams;
}

describe('whatever a lying API server says, nothing in force is lost', () => {
  let setting: Setting;
  let stage: ClusterStage;
  let source: ResourceSource;
  let lie: Lie = () => false;
  let lied = 0;
  let fewest = COUNT;

  before(async () => {
    setting = await makeSetting();
    stage = await ClusterStage.create();
    for (let i = 0; i < COUNT; i++) stage.put(wireRoute(`stays-${i}`, `10.${Math.floor(i / 250)}.${i % 250}.0/24`));
    setting.server.script = (stream, received) => {
      const question = read(received);
      if (lie(stream, question)) lied++;
      else void tellTruth(stage, stream, question);
    };
    source = await stage.start({ client: setting.client() });
    source.watch(() => {
      fewest = Math.min(fewest, staying(source.snapshot()));
    });
    assert.equal(staying(source.snapshot()), COUNT);
  });
  after(async () => {
    await stage.dispose();
    await setting.close();
  });
  beforeEach(() => {
    lied = 0;
    fewest = COUNT;
  });

  /** Lies to the client, which has to list again, for some time; then tells the truth, which must arrive. */
  async function withstands(name: string, what: Lie): Promise<void> {
    lie = what;
    stage.api.expire();
    for (const session of setting.server.sessions) session.destroy();
    while (lied < 4) await sleep(20);
    lie = () => false;
    for (const session of setting.server.sessions) session.destroy();
    stage.put(wireRoute(name, '192.168.0.0/24'));
    await until(
      source,
      `it has ${name}`,
      ({ complete, staticRoutes }) => complete && staticRoutes.some(({ meta }) => meta.ref.name === name),
    );
    stage.remove(wireRoute(name));
    await until(source, `${name} is gone`, ({ staticRoutes }) => staticRoutes.every(({ meta }) => meta.ref.name !== name));
    assert.equal(fewest, COUNT);
  }

  const lists = (respond: (stream: ServerHttp2Stream, question: Question) => void): Lie => {
    return (stream, question) => {
      if (question.watching) return gone(stream);
      respond(stream, question);
      return true;
    };
  };
  /** So that the client lists again. */
  const gone = (stream: ServerHttp2Stream): boolean => {
    answer(stream, 410, { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' });
    return true;
  };
  const listOf = (type: ResourceType, more: object): object => ({
    apiVersion: type.apiVersion,
    kind: `${type.kind}List`,
    metadata: { resourceVersion: '999999999' },
    ...more,
  });

  const faults: Readonly<Record<string, Lie>> = {
    'answers 500': lists((stream) => answer(stream, 500, 'etcdserver: leader changed')),
    'answers 502 with a page of a load balancer': lists((stream) => answer(stream, 502, '<html><h1>Bad gateway</h1></html>')),
    'answers 200 with a page to log in': lists((stream) => answer(stream, 200, '<html><form>login</form></html>')),
    'answers 200 with nothing': lists((stream) => answer(stream, 200, '')),
    'answers 200 with a Status': lists((stream) => answer(stream, 200, { kind: 'Status', status: 'Failure', metadata: {} })),
    'answers with an empty list of another kind': lists((stream) =>
      answer(stream, 200, { ...listOf(ROUTES, { items: [] }), kind: 'PodList' }),
    ),
    'answers with a list without items': lists((stream, { type }) => answer(stream, 200, listOf(type, {}))),
    'answers with a list whose objects have no names': lists((stream, { type }) =>
      answer(stream, 200, listOf(type, { items: [{ metadata: {} }] })),
    ),
    'fails with every second page': lists((stream, { type, query }) => {
      if (query.has('continue')) return answer(stream, 500, 'no');
      return answer(stream, 200, listOf(type, { metadata: { resourceVersion: '5000', continue: 'more' }, items: [] }));
    }),
    'sends the same page for ever': lists((stream, { type }) =>
      answer(stream, 200, listOf(type, { metadata: { resourceVersion: '5000', continue: 'more' }, items: [] })),
    ),
    'answers with an old, empty list': lists((stream, { type }) =>
      answer(stream, 200, listOf(type, { metadata: { resourceVersion: '7' }, items: [] })),
    ),
    'ends every list in the middle': lists((stream, { type }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end(JSON.stringify(listOf(type, { items: [] })).slice(0, -3));
    }),
    'breaks off every list': lists((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.write('{"kind":"StaticRouteList","metadata":{"resourceVersion":"5000"},"items":[', () => stream.close(2));
    }),
    'ends watches with 500': watches(() => `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500, message: 'no' } })}\n`),
    'ends watches with an error without words': watches(() => `${JSON.stringify({ type: 'ERROR', object: {} })}\n`),
    'sends watches that are no JSON': watches(() => 'upstream connect error\n'),
    'sends half an event': watches(() => '{"type":"DELETED","object":{"metadata":{"name":"stays-1"'),
    'tells of old deletions': watches(({ type }) => deletion(type, 'stays-1', '7')),
    'tells of deletions of objects without names': watches(({ type }) => deletion(type, '', '999999999')),
    'tells of events of an unknown type': watches(({ type }) => deletion(type, 'stays-1', '999999999').replace('DELETED', 'VANISHED')),
  };
  for (const [what, fault] of Object.entries(faults)) {
    it(`when it ${what}`, () => withstands(`after-${what.replaceAll(/[^a-z0-9]+/gi, '-')}`.toLowerCase(), fault));
  }
});

/** Lies in watches only. */
function watches(text: (question: Question) => string): Lie {
  return (stream, question) => {
    if (!question.watching) return false;
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(text(question));
    return true;
  };
}

function deletion(type: ResourceType, name: string, resourceVersion: string): string {
  const metadata = { ...(name !== '' && { name }), uid: 'x', resourceVersion };
  return `${JSON.stringify({ type: 'DELETED', object: { apiVersion: type.apiVersion, kind: type.kind, metadata } })}\n`;
}

function read({ path }: Received): Question {
  const url = new URL(path, 'https://server');
  const type = [NODES, NETWORKS, ROUTES, ADDRESSES].find(({ plural }) => url.pathname.endsWith(`/${plural}`));
  assert.ok(type, path);
  return { type, watching: url.searchParams.get('watch') === 'true', query: url.searchParams };
}

/** What the fake API says, over HTTP. */
async function tellTruth({ api }: ClusterStage, stream: ServerHttp2Stream, question: Question): Promise<void> {
  try {
    if (question.watching)
      await tellEvents(
        api.watch(question.type, { ...optionsOf(question), resourceVersion: question.query.get('resourceVersion') ?? '' }),
        stream,
      );
    else {
      const { items, resourceVersion, continue: rest } = await api.list(question.type, optionsOf(question));
      const metadata = { resourceVersion, ...(rest !== undefined && { continue: rest }) };
      answer(stream, 200, { apiVersion: question.type.apiVersion, kind: `${question.type.kind}List`, metadata, items });
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, reason, message } = error;
    answer(stream, status, { kind: 'Status', code: status, reason, message });
  }
}

async function tellEvents(batches: AsyncIterable<readonly WatchEvent[]>, stream: ServerHttp2Stream): Promise<void> {
  for await (const batch of batches) {
    if (stream.destroyed) return;
    if (!stream.headersSent) stream.respond({ ':status': 200, 'content-type': 'application/json' });
    for (const event of batch) if (event.type !== 'BOOKMARK') stream.write(`${JSON.stringify(event)}\n`);
  }
  stream.end();
}

function optionsOf({ query }: Question): ListOptions {
  const [fieldSelector, limit, rest] = ['fieldSelector', 'limit', 'continue'].map((key) => query.get(key) ?? undefined);
  return {
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(rest !== undefined && { continue: rest }),
  };
}

function staying({ staticRoutes }: ResourceSnapshot): number {
  return staticRoutes.filter(({ meta }) => meta.ref.name.startsWith('stays-')).length;
}
