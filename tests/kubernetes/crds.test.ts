import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { crdName } from '../../src/api/crd.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { REJECTED_ADDRESSES } from '../api/node-overlay-ip-rejections.ts';
import { REJECTED_POOLS } from '../api/overlay-pool-rejections.ts';
import { REJECTED } from '../api/rejections.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { ApiRefused } from '../lab/kubernetes/api.ts';

const GROUP = '/apis/fairlead.dev/v1alpha1';
const ROUTES = `${GROUP}/staticroutes`;
const POOLS = `${GROUP}/overlaypools`;
const ADDRESSES = `${GROUP}/nodeoverlayips`;

/** As kubectl asks: unknown fields are errors. */
const STRICT = '?dryRun=All&fieldValidation=Strict';

/** By kind: where its objects are, what is refused in a folder, and what of that only we ourselves see, and report. */
const REFUSED = {
  // The API server itself drops the namespace and members that are null.
  'static-route': {
    path: ROUTES,
    rejected: REJECTED,
    passed: ['duplicate in another spelling', 'namespace', 'via empty text', 'overlay without a pool', 'unreachable without braces'],
  },
  'overlay-pool': { path: POOLS, rejected: REJECTED_POOLS, passed: [] },
  'node-overlay-ip': { path: ADDRESSES, rejected: REJECTED_ADDRESSES, passed: [] },
} as const;

let plane: ControlPlane;

before(async () => {
  plane = await startControlPlane();
  await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
  await plane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', ...KINDS.map(crdName)]);
});
after(() => plane.stop());

const RANGE = { subnet: '192.168.100.0/24', gateway: '192.168.100.1' };

function pool(name: string, spec: object): object {
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'OverlayPool', metadata: { name }, spec };
}

function address(node: string, name: string, ...addresses: readonly string[]): object {
  const metadata = { name: `${node}.${name}` };
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'NodeOverlayIP', metadata, spec: { node, pool: name, addresses } };
}

/** The API server leaves out what says nothing. */
function withoutEmpty(key: string, value: unknown): unknown {
  return key === 'properties' && JSON.stringify(value) === '{}' ? undefined : value;
}

/** The API server says of several fields in any order; what is of no field comes last. */
function inOrder(causes: string): string {
  const [first = '', ...others] = causes.split(/, (?=<nil>)/);
  const fields = first.split(/, (?=spec\b)/).toSorted();
  return [...fields, ...others].join(', ');
}

/** What the API server says about an object. */
async function verdict(path: string, object: unknown): Promise<string> {
  try {
    await plane.api.post(`${path}${STRICT}`, object);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ApiRefused)) throw error;
    const words = error.message.replace(/^.*?: \d+ /, '').replace(/\[(spec.*)\]$/, (_, causes) => `[${inOrder(causes)}]`);
    return words.replaceAll(/([1xz])\1{40,}/g, (run, letter) => `${letter} x ${run.length}`);
  }
}

describe('the definitions in the API server', () => {
  it('are structural, and nothing in them is pruned', async () => {
    for (const kind of KINDS) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crdName(kind)}`;
      const { spec, status } = await plane.api.get<{
        spec: { versions: { schema: object }[] };
        status: { conditions: { type: string; status: string }[] };
      }>(path);
      const conditions = Object.fromEntries(status.conditions.map(({ type, status: holds }) => [type, holds]));
      assert.equal(conditions['NamesAccepted'], 'True');
      assert.equal(conditions['NonStructuralSchema'], undefined);
      const written = parse(readFileSync(`deploy/crds/${crdName(kind)}.yaml`, 'utf8'));
      assert.deepEqual(spec.versions[0]?.schema, JSON.parse(JSON.stringify(written.spec.versions[0].schema, withoutEmpty)));
    }
  });

  for (const [kind, { path, rejected, passed }] of Object.entries(REFUSED)) {
    it(`refuse of a ${kind} what would be refused in a folder, in words that help`, async () => {
      const cases = Object.entries(rejected).filter(([, [object]]) => object !== null);
      const verdicts = new Map<string, string>();
      for (const [name, [object]] of cases) verdicts.set(name, await verdict(path, object));
      const accepted = [...verdicts].filter(([, said]) => said === 'accepted').map(([name]) => name);
      const text = [...verdicts].map(([name, said]) => `== ${name}\n${said}\n`).join('');
      const golden = join(import.meta.dirname, `${kind}-rejections.txt`);
      if (process.env['FAIRLEAD_UPDATE'] === '1') writeFileSync(golden, text);
      assert.equal(text, readFileSync(golden, 'utf8'));
      assert.deepEqual(accepted.toSorted(), passed.toSorted());
    });
  }

  it('take every example of the reference pages, and keep it as it is', async () => {
    for (const kind of KINDS) {
      const example = parse(kind.example);
      const path = `/apis/fairlead.dev/v1alpha1/${kind.plural}`;
      await plane.api.post(`${path}?fieldValidation=Strict`, { ...example, status: undefined });
      if (example.status)
        await plane.api.put(`${path}/${example.metadata.name}/status?fieldValidation=Strict`, await withStatus(path, example));
      const stored = await plane.api.get<Record<string, object>>(`${path}/${example.metadata.name}`);
      if (example.status) assert.deepEqual(stored['status'], example.status);
      if (example.spec)
        for (const [field, value] of Object.entries(example.spec)) assert.deepEqual(stored['spec']?.[field as never], value);
    }
  });

  it('allow one ClusterNetwork', async () => {
    const other = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterNetwork', metadata: { name: 'mine' } };
    await assert.rejects(plane.api.post('/apis/fairlead.dev/v1alpha1/clusternetworks', other), /metadata\.name must be cluster/);
  });

  it('let a status live apart from the spec', async () => {
    const route = {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'StaticRoute',
      metadata: { name: 'apart' },
      spec: { subnets: ['10.9.0.0/16'] },
    };
    const made = await plane.api.post(ROUTES, { ...route, status: { observedGeneration: 7 } });
    assert.equal(made.status, undefined);
    const patched = await plane.api.patch(`${ROUTES}/apart/status`, { spec: { metric: 5 }, status: { observedGeneration: 1 } });
    assert.deepEqual(patched.status, { observedGeneration: 1 });
    assert.equal(patched.metadata.generation, 1);
  });

  it('take the smallest and the widest ranges, and addresses at their edges', async () => {
    for (const [subnet, gateway] of [
      ['192.168.100.0/31', '192.168.100.0'],
      ['192.168.100.0/31', '192.168.100.1'],
      ['2001:db8::/127', '2001:db8::'],
      ['2001:db8::/120', '2001:db8::ff'],
      ['10.0.0.0/8', '10.255.255.254'],
      ['10.1.0.0/16', '10.1.0.255'],
      ['fc00::/7', 'fd00::1'],
    ]) {
      const ranges = [{ subnet, gateway, exclude: [subnet, gateway] }];
      assert.equal(await verdict(POOLS, pool('edge', { ipam: { cluster: { ranges } } })), 'accepted', `${subnet} ${gateway}`);
    }
    for (const each of ['192.168.100.0/31', '192.168.100.1/31', '10.1.0.255/16', '10.255.255.254/8', '2001:db8::/127', '2001:db8::ff/120'])
      assert.equal(await verdict(ADDRESSES, address('n1', 'default', each)), 'accepted', each);
  });

  it('let another ipam replace the first by apply', async () => {
    const phpIPAM = { url: 'https://ipam.example.org', appID: 'k8s', subnetMap: { '*': [7] }, credentialsSecret: 'ipam' };
    const apply = (ipam: object) => plane.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(pool('moved', { ipam })));
    await apply({ cluster: { ranges: [RANGE] } });
    await apply({ phpIPAM });
    const { spec } = await plane.api.get<{ spec: { ipam: object } }>(`${POOLS}/moved`);
    assert.deepEqual(spec.ipam, { phpIPAM });
  });

  it('let nobody change whose overlay addresses are', async () => {
    await plane.api.post(ADDRESSES, address('n1', 'fixed', '192.168.100.4/24'));
    const changes = [{ pool: 'other' }, { node: 'n2' }, { addresses: ['192.168.100.5/24'] }];
    for (const spec of changes) {
      await assert.rejects(
        plane.api.patch(`${ADDRESSES}/n1.fixed`, { spec }),
        /spec: Invalid value: cannot be changed: delete the object, and create another/,
      );
    }
    await plane.api.patch(`${ADDRESSES}/n1.fixed`, { metadata: { annotations: { 'fairlead.dev/adopt': 'true' } } });
  });

  it('select overlay addresses by node and by pool', async () => {
    for (const node of ['s1', 's2']) for (const name of ['one', 'two']) await plane.api.post(ADDRESSES, address(node, name, '10.1.0.4/16'));
    const names = async (selector: string): Promise<readonly string[]> =>
      (await plane.api.list(`${ADDRESSES}?fieldSelector=${encodeURIComponent(selector)}`)).map(({ metadata }) => metadata.name);
    assert.deepEqual(await names('spec.node=s1'), ['s1.one', 's1.two']);
    assert.deepEqual(await names('spec.pool=two'), ['s1.two', 's2.two']);
  });

  it('hold a ledger of 10,000 addresses', async () => {
    const made = await plane.api.post(POOLS, pool('large', { ipam: { cluster: { ranges: [RANGE] } } }));
    const ledger = Array.from({ length: 10_000 }, (_, i) => ({
      address: `10.1.${i >> 8}.${i & 255}`,
      node: `ip-10-1-${i >> 8}-${i & 255}.eu-central-1.compute.internal`,
      since: '2027-01-31T12:00:00Z',
    }));
    await plane.api.put(`${POOLS}/large/status?fieldValidation=Strict`, { ...made, status: { ledger } });
    await assert.rejects(plane.api.put(`${POOLS}/large/status`, { ...made, status: { ledger: [] } }), /the object has been modified/);
  });

  it('let another member of via replace the first by apply', async () => {
    const route = (via: object) =>
      JSON.stringify({
        apiVersion: 'fairlead.dev/v1alpha1',
        kind: 'StaticRoute',
        metadata: { name: 'via' },
        spec: { subnets: ['10.8.0.0/16'], via },
      });
    await plane.kubectl(['apply', '--server-side', '-f', '-'], route({ discover: {} }));
    await plane.kubectl(['apply', '--server-side', '-f', '-'], route({ gateway: '10.0.0.1' }));
    const { spec } = await plane.api.get<{ spec: { via: object } }>(`${ROUTES}/via`);
    assert.deepEqual(spec.via, { gateway: '10.0.0.1' });
  });
});

async function withStatus(path: string, example: { metadata: { name: string }; status: object }): Promise<object> {
  const stored = await plane.api.get(`${path}/${example.metadata.name}`);
  return { ...stored, status: example.status };
}

describe('kubectl', () => {
  it('shows what an engineer asks first', async () => {
    const columns = async (kind: string, ...more: string[]): Promise<string> =>
      ((await plane.kubectl(['get', kind, ...more])).split('\n')[0] ?? '').replaceAll(/ {3,}/g, ' | ').trim();
    assert.equal(await columns('sr'), 'NAME | READY | NODES | FAILED | REASON | AGE');
    assert.match(await columns('sr', '-o', 'wide'), /MESSAGE$/);
    assert.match(await columns('nr'), /^NAME \| READY \| PROBLEMS \| DRIFT \| LAST SYNC/);
    assert.match(await columns('cn'), /^NAME \| PODS \| SERVICES/);
    assert.equal(await columns('op'), 'NAME | READY | CAPACITY | ALLOCATED | FREE | AGE | REASON | PROBLEM');
    assert.match(await columns('op', '-o', 'wide'), /MESSAGE$/);
    assert.equal(await columns('noip'), 'NAME | ADDRESS | GATEWAY | ZONE | NODE | STATE | DEVICE | AGE');
    assert.match(await columns('noip', '-o', 'wide'), /^NAME \| ADDRESS \| SECOND \| GATEWAY/);
  });

  it('shows each address of a node as a word, and nothing where there is one', async () => {
    await plane.api.post(ADDRESSES, address('n-1', 'shown', '192.168.100.16/24'));
    await plane.api.post(ADDRESSES, address('n-2', 'shown', '192.168.100.17/24', '2001:db8:100::17/64'));
    const rows = (await plane.kubectl(['get', 'noip', '-o', 'wide', '--field-selector', 'spec.pool=shown'])).trim().split('\n').slice(1);
    assert.deepEqual(
      rows.map((row) => row.split(/ +/).slice(0, 3).join(' ')),
      ['n-1.shown 192.168.100.16/24 n-1', 'n-2.shown 192.168.100.17/24 2001:db8:100::17/64'],
    );
  });

  it('lists everything of ours by its category', async () => {
    const names = await plane.kubectl(['get', 'fairlead', '-o', 'name']);
    for (const name of ['staticroute.fairlead.dev/', 'nodereport.fairlead.dev/', 'clusternetwork.fairlead.dev/cluster']) {
      assert.ok(names.includes(name), `${name} in ${names}`);
    }
  });

  it('explains every field of every kind', async () => {
    for (const kind of KINDS) {
      const text = await plane.kubectl(['explain', `${kind.plural}.status`]);
      assert.match(text, /DESCRIPTION:\n\s+\S/);
    }
    assert.match(await plane.kubectl(['explain', 'staticroute.spec.via']), /How the subnets are reached: at most one of these\./);
    for (const short of ['sr', 'op', 'noip'])
      assert.doesNotMatch(await plane.kubectl(['explain', `${short}.spec`, '--recursive']), /<empty>/);
    assert.match(await plane.kubectl(['explain', 'op.spec.nodeSelector']), /The nodes that get an address\. When absent: every node\./);
  });
});
