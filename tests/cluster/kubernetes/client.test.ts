import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ApiClient, ApiError, isConflict, isGone, isNotFound } from '../../../src/cluster/api-client.ts';
import { answer, type Script } from './scripted-server.ts';
import { LEASES, makeSetting, NODES, ROUTES, received, route, type Setting } from './setting.ts';

const written = { apiVersion: ROUTES.apiVersion, kind: ROUTES.kind, metadata: { name: 'a' }, spec: { subnets: ['10.1.0.0/16'] } };

describe('requests', () => {
  let setting: Setting;
  let client: ApiClient;

  before(async () => {
    setting = await makeSetting();
    client = setting.client();
  });
  after(() => setting.close());
  beforeEach(() => {
    setting.server.received.length = 0;
    setting.server.script = (stream) => answer(stream, 200, route('a'));
  });
  const only = () => {
    assert.equal(setting.server.received.length, 1);
    return setting.server.received[0] ?? assert.fail();
  };
  const fails = async (script: Script): Promise<ApiError> => {
    setting.server.script = script;
    const error = await client.get(ROUTES, { name: 'a' }).then(
      () => assert.fail('it was answered'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ApiError, String(error));
    return error;
  };

  it('carry the token, the program, and what they want', async () => {
    assert.deepEqual(await client.get(ROUTES, { name: 'a' }), received('a'));
    const { method, path, headers } = only();
    assert.equal(method, 'GET');
    assert.equal(path, '/apis/fairlead.dev/v1alpha1/staticroutes/a');
    assert.equal(headers['authorization'], 'Bearer secret');
    assert.equal(headers['user-agent'], 'fairlead/1.2.3 (agent)');
    assert.equal(headers['accept'], 'application/json');
  });

  it('list with selectors, pages and a version', async () => {
    setting.server.script = (stream) =>
      answer(stream, 200, {
        kind: 'StaticRouteList',
        metadata: { resourceVersion: '7', continue: 'more' },
        items: [route('a'), route('b')],
      });
    const page = await client.list(ROUTES, { fieldSelector: 'metadata.name=a', labelSelector: 'x in (y)', limit: 2, resourceVersion: '0' });
    assert.deepEqual(page, { items: [received('a'), received('b')], resourceVersion: '7', continue: 'more' });
    const query = new URLSearchParams(only().path.split('?')[1]);
    assert.deepEqual(Object.fromEntries(query), {
      fieldSelector: 'metadata.name=a',
      labelSelector: 'x in (y)',
      limit: '2',
      resourceVersion: '0',
    });
  });

  it('name the kind of items of built-in lists, which do not say it themselves', async () => {
    const { apiVersion: _, kind: __, ...item } = route('n1');
    setting.server.script = (stream) => answer(stream, 200, { kind: 'NodeList', metadata: { resourceVersion: '7' }, items: [item] });
    const { items } = await client.list(NODES);
    assert.equal(items[0]?.apiVersion, 'v1');
    assert.equal(items[0]?.kind, 'Node');
    assert.equal(only().path, '/api/v1/nodes');
  });

  it('take null for the items of an empty list', async () => {
    setting.server.script = (stream) =>
      answer(stream, 200, { kind: 'StaticRouteList', metadata: { resourceVersion: '7', continue: '' }, items: null });
    assert.deepEqual(await client.list(ROUTES), { items: [], resourceVersion: '7' });
  });

  it('name the namespace', async () => {
    await client.get(LEASES, { namespace: 'kube-system', name: 'x' });
    assert.equal(only().path, '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x');
  });

  it('create, replace and apply send the object', async () => {
    await client.create(ROUTES, written);
    await client.replace(ROUTES, written);
    await client.replace(ROUTES, written, { subresource: 'status' });
    await client.apply(ROUTES, written, { fieldManager: 'fairlead-agent' });
    await client.apply(ROUTES, written, { fieldManager: 'fairlead-agent', subresource: 'status' });
    const base = '/apis/fairlead.dev/v1alpha1/staticroutes';
    assert.deepEqual(
      setting.server.received.map(({ method, path, headers }) => [method, path, headers['content-type']]),
      [
        ['POST', base, 'application/json'],
        ['PUT', `${base}/a`, 'application/json'],
        ['PUT', `${base}/a/status`, 'application/json'],
        ['PATCH', `${base}/a?fieldManager=fairlead-agent&force=true&fieldValidation=Ignore`, 'application/apply-patch+yaml'],
        ['PATCH', `${base}/a/status?fieldManager=fairlead-agent&force=true&fieldValidation=Ignore`, 'application/apply-patch+yaml'],
      ],
    );
    for (const { body } of setting.server.received) assert.deepEqual(JSON.parse(await body), written);
  });

  it('delete with the uid as a condition, and take an object that is gone for deleted', async () => {
    await client.delete(ROUTES, { name: 'a' }, { uid: 'u1' });
    assert.equal(only().method, 'DELETE');
    assert.deepEqual(JSON.parse(await only().body), { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u1' } });
    setting.server.script = (stream) => answer(stream, 404, { kind: 'Status', code: 404, reason: 'NotFound' });
    await client.delete(ROUTES, { name: 'a' });
  });

  it('keep the path of a server that has one', async () => {
    const nested = setting.client({ endpoint: { server: `${setting.server.url}/k8s/clusters/c1` } });
    await nested.get(ROUTES, { name: 'a' });
    assert.equal(only().path, '/k8s/clusters/c1/apis/fairlead.dev/v1alpha1/staticroutes/a');
  });

  it('are refused with the words of the server', async () => {
    const status = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'staticroutes is forbidden: User "x" cannot get' };
    const error = await fails((stream) => answer(stream, 403, status));
    assert.equal(error.status, 403);
    assert.equal(error.reason, 'Forbidden');
    assert.equal(
      error.message,
      `cannot get staticroutes a: ${setting.server.url} answers 403 Forbidden: staticroutes is forbidden: User "x" cannot get`,
    );
  });

  for (const [status, reason, test] of [
    [404, 'NotFound', isNotFound],
    [409, 'Conflict', isConflict],
    [410, 'Expired', isGone],
    [410, 'Gone', isGone],
  ] as const) {
    it(`are refused with ${status} ${reason}`, async () => {
      const error = await fails((stream) => answer(stream, status, { kind: 'Status', code: status, reason }));
      assert.ok(test(error));
      assert.equal(error.reason, reason);
    });
  }

  it('say how long to wait: header', async () => {
    const error = await fails((stream) => answer(stream, 429, 'too many', { 'retry-after': '3', 'content-type': 'text/plain' }));
    assert.equal(error.retryAfter, 3000);
    assert.equal(error.reason, 'TooManyRequests');
  });

  it('say how long to wait: Status', async () => {
    const error = await fails((stream) => answer(stream, 503, { kind: 'Status', code: 503, details: { retryAfterSeconds: 2 } }));
    assert.equal(error.retryAfter, 2000);
    assert.equal(error.reason, 'ServiceUnavailable');
  });

  it('quote no more of a Status than somebody reads: it may name every field of a large object', async () => {
    const message = `NodeReport "n1" is invalid: [${'status.resources[0].reason: Too long, '.repeat(10_000)}]`;
    const error = await fails((stream) => answer(stream, 422, { kind: 'Status', code: 422, reason: 'Invalid', message }));
    assert.match(error.message, /answers 422 Unprocessable Content: NodeReport "n1" is invalid: \[status.resources\[0\].*\.\.\.$/);
    assert.ok(error.message.length < 2_200);
  });

  it('survive a page of a load balancer', async () => {
    const page = `<html><head><title>502</title></head>\n<body><h1>Bad gateway</h1>${'<p>x</p>'.repeat(1000)}</body></html>`;
    const error = await fails((stream) => answer(stream, 500, page, { 'content-type': 'text/html' }));
    assert.equal(error.status, 500);
    assert.equal(error.reason, 'InternalServerError');
    assert.match(error.message, /answers 500 Internal Server Error: 502 Bad gateway x x/);
    assert.ok(error.message.length < 400);
  });

  for (const [what, body] of [
    ['text', 'certainly'],
    ['JSON that is cut off', '{"apiVersion":"fairlead.dev/v1alpha1","kind":"Sta'],
    ['no object', '[]'],
    ['an object without metadata', '{"kind":"StaticRoute"}'],
    ['an object without a uid', '{"kind":"StaticRoute","metadata":{"name":"a","resourceVersion":"1"}}'],
    ['labels that are no texts', '{"metadata":{"name":"a","uid":"u","resourceVersion":"1","labels":{"x":1}}}'],
  ] as const) {
    it(`call an answer malformed that is ${what}`, async () => {
      const error = await fails((stream) => answer(stream, 200, body));
      assert.equal(error.reason, 'Malformed');
      assert.equal(error.status, 0);
    });
  }

  it('call a list malformed that is of something else, or lacks its items or its version, or has an item that is no object', async () => {
    const list = { kind: 'StaticRouteList', metadata: { resourceVersion: '1' }, items: [route('a')] };
    for (const odd of [
      { kind: 'NodeList' },
      { kind: undefined },
      { items: undefined },
      { metadata: {} },
      { items: [route('a'), { metadata: {} }] },
    ]) {
      setting.server.script = (stream) => answer(stream, 200, { ...list, ...odd });
      await assert.rejects(client.list(ROUTES), { reason: 'Malformed' }, JSON.stringify(odd));
    }
  });
});
