import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseStaticRoute } from '../../src/api/kinds/static-route.ts';
import { EXIT } from '../../src/cli/command.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { Bench } from './support.ts';

interface Migrated {
  readonly status: number;
  /** `name: subnets`, one per resource; every one is checked to be valid. */
  readonly routes: readonly string[];
  readonly selectors: readonly unknown[];
  /** Findings without the folder. */
  readonly findings: readonly string[];
}

/** Runs `migrate` over files that are called f1.yaml, f2.yaml... */
async function migrate(...texts: readonly string[]): Promise<Migrated> {
  let result: Migrated | undefined;
  await Bench.with(async (bench) => {
    const files = texts.map((_, i) => bench.path(`f${i + 1}.yaml`));
    for (const [i, file] of files.entries()) await writeFile(file, texts[i] ?? '');
    const { status, out, err } = await bench.run('migrate', ...files);
    const objects = (out === '' ? [] : parseAllDocuments(out)).map((document) => document.toJS() as { spec: { nodeSelector?: unknown } });
    const routes = objects.map((object) => {
      const parsed = parseStaticRoute(object);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.equal(parsed.value.via.type, 'discover');
      return `${parsed.value.meta.ref.name}: ${parsed.value.subnets.join(' ')}`;
    });
    const findings = err.replaceAll(`${bench.folder}/`, '').split('\n').slice(0, -1);
    result = { status, routes, selectors: objects.map(({ spec }) => spec.nodeSelector), findings };
  });
  assert.ok(result);
  return result;
}

const configMap = (routes: string, name = 'static-routes'): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  routes: |
${routes
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
`;

const daemonSet = (selector: string, mounts = 'static-routes'): string => `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: routes}
spec:
  template:
    spec:
      nodeSelector: ${selector}
      volumes:
        - name: config
          configMap: {name: ${mounts}}
`;

describe('migrate', () => {
  it('turns the ConfigMap into a StaticRoute that does the same', async () => {
    assert.deepEqual(await migrate(configMap('["192.168.50.0/24", "172.16.20.0/22"]')), {
      status: EXIT.ok,
      routes: ['static-routes: 192.168.50.0/24 172.16.20.0/22'],
      selectors: [undefined],
      findings: [],
    });
  });

  it('reads the routes in whatever way YAML writes a text', async () => {
    const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: r}\ndata:\n';
    const ways = [
      `${head}  routes: '["192.168.50.0/24"]'\n`,
      `${head}  routes: "[\\"192.168.50.0/24\\"]"\n`,
      `${head}  routes: >-\n    [\n    "192.168.50.0/24"\n    ]\n`,
      `${head}  routes: |\n    [\n      "192.168.50.0/24"\n    ]\n`.replaceAll('\n', '\r\n'),
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'r' }, data: { routes: '["192.168.50.0/24"]' } }),
    ];
    for (const text of ways) assert.deepEqual((await migrate(text)).routes, ['r: 192.168.50.0/24'], text);
  });

  it('finds it among the other manifests, and keeps the nodeSelector of its DaemonSet', async () => {
    const others = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\n---\n';
    const text = `${others}${configMap('["192.168.50.0/24"]')}---\n${daemonSet('{pool: edge}')}---\n${daemonSet('{pool: other}', 'another')}---\n`;
    const { status, routes, selectors } = await migrate(text);
    assert.deepEqual([status, routes, selectors], [EXIT.ok, ['static-routes: 192.168.50.0/24'], [{ matchLabels: { pool: 'edge' } }]]);
  });

  it('knows a DaemonSet by every way to name a ConfigMap, and by no other word', async () => {
    const used = (spec: string) => daemonSet('{pool: edge}').replace(/volumes:[\s\S]*/, `${spec}\n`);
    const ways: readonly (readonly [string, boolean])[] = [
      ['volumes: [{name: c, projected: {sources: [{configMap: {name: static-routes}}]}}]', true],
      ['containers: [{name: c, envFrom: [{configMapRef: {name: static-routes}}]}]', true],
      ['containers: [{name: c, env: [{name: R, valueFrom: {configMapKeyRef: {name: static-routes, key: routes}}}]}]', true],
      ['containers: [{name: static-routes}]', false],
      ['serviceAccountName: static-routes', false],
    ];
    for (const [spec, found] of ways) {
      const { selectors } = await migrate(`${configMap('["192.168.50.0/24"]')}---\n${used(spec)}`);
      assert.deepEqual(selectors, [found ? { matchLabels: { pool: 'edge' } } : undefined], spec);
    }
  });

  it('is not confused by a DaemonSet that says nothing, or a ConfigMap without a name', async () => {
    const text = `apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x}\n---\n${configMap('["192.168.50.0/24"]').replace('  name: static-routes\n', '  labels: {}\n')}`;
    assert.deepEqual((await migrate(text)).routes, ['static-routes: 192.168.50.0/24']);
  });

  it('finds it in a List, as "kubectl get -o yaml" writes it', async () => {
    const items = ['ServiceAccount', 'ConfigMap'].map((kind) => ({
      apiVersion: 'v1',
      kind,
      metadata: { name: 'r' },
      ...(kind === 'ConfigMap' ? { data: { routes: '["192.168.50.0/24"]' } } : {}),
    }));
    assert.deepEqual((await migrate(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))).routes, ['r: 192.168.50.0/24']);
  });

  it('makes one StaticRoute of each ConfigMap, with different names', async () => {
    const one = configMap('["192.168.50.0/24"]');
    const two = configMap('["192.168.60.0/24"]');
    const { routes } = await migrate(`${one}---\n${two}`, configMap('["192.168.70.0/24"]'), configMap('["192.168.80.0/24"]', 'mine'));
    assert.deepEqual(routes, [
      'static-routes: 192.168.50.0/24',
      'static-routes-2: 192.168.60.0/24',
      'static-routes-3: 192.168.70.0/24',
      'mine: 192.168.80.0/24',
    ]);
  });

  it('routes a bare address as the one host that it was, and takes IPv6', async () => {
    const { status, routes } = await migrate(configMap('["192.168.50.7", "2001:db8:50::/48", "2001:db8::7"]'));
    assert.deepEqual([status, routes], [EXIT.ok, ['static-routes: 192.168.50.7/32 2001:db8:50::/48 2001:db8::7/128']]);
  });

  it('names what it leaves out, with line and reason, and fails', async () => {
    const { status, routes, findings } = await migrate(
      configMap(
        '[\n  "192.168.50.0/24",\n  "192.168.51.7/24",\n  "nonsense",\n  7,\n  null,\n  {"a": 1},\n  "127.0.0.0/8",\n  "0.0.0.0/0",\n  ""\n]',
      ),
    );
    assert.equal(status, EXIT.failed);
    assert.deepEqual(routes, ['static-routes: 192.168.50.0/24']);
    assert.deepEqual(findings.slice(0, 2), [
      'f1.yaml:9: "192.168.51.7/24" is left out: "192.168.51.7/24" has host bits set: write 192.168.51.0/24',
      findings[1],
    ]);
    assert.match(findings[1] ?? '', /^f1\.yaml:10: "nonsense" is left out: /);
    assert.equal(findings[2], 'f1.yaml:11: 7 is left out: it is not a text');
    assert.equal(findings[3], 'f1.yaml:12: null is left out: it is not a text');
    assert.match(findings[4] ?? '', /^f1\.yaml:1[23]: \{"a":1\} is left out: it is not a text$/);
    assert.match(findings[5] ?? '', /^f1\.yaml:14: "127\.0\.0\.0\/8" is left out: /);
    assert.match(findings[6] ?? '', /^f1\.yaml:15: "0\.0\.0\.0\/0" is left out: /);
    assert.match(findings[7] ?? '', /^f1\.yaml:1[56]: "" is left out: /);
    assert.equal(findings.length, 8);
  });

  it('says so when a subnet is there twice, also written in two ways', async () => {
    const { routes, findings } = await migrate(configMap('["192.168.50.7",\n"192.168.50.7/32",\n"2001:DB8::/32",\n"2001:db8::/32"]'));
    assert.deepEqual(routes, ['static-routes: 192.168.50.7/32 2001:db8::/32']);
    assert.deepEqual(findings, [
      'f1.yaml:8: "192.168.50.7/32" is left out: it is there already',
      'f1.yaml:10: "2001:db8::/32" is left out: it is there already',
    ]);
  });

  const unusable: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', configMap('192.168.50.0/24, 192.168.51.0/24'), /^f1\.yaml:6: routes is not JSON: /],
    ['JSON cut short', configMap('["192.168.50.0/24",'), /^f1\.yaml:6: routes is not JSON: /],
    ['no array', configMap('{"routes": []}'), /^f1\.yaml:6: routes is not a JSON array of subnets$/],
    ['an empty array', configMap('[]'), /^f1\.yaml:6: routes is an empty array: there is nothing to route$/],
    [
      'a YAML list instead of a text',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: r}\ndata:\n  routes: [192.168.50.0/24]\n',
      /^f1\.yaml:5: routes is not a text/,
    ],
  ];
  for (const [what, text, message] of unusable) {
    it(`fails for routes with ${what}`, async () => {
      const { status, routes, findings } = await migrate(text);
      assert.deepEqual([status, routes.length, findings.length], [EXIT.failed, 0, 1]);
      assert.match(findings[0] ?? '', message);
    });
  }

  it('names broken YAML, and still takes the documents that can be read', async () => {
    const { status, routes, findings } = await migrate(`${configMap('["192.168.50.0/24"]')}---\nkind: [\n`);
    assert.equal(status, EXIT.failed);
    assert.deepEqual(routes, ['static-routes: 192.168.50.0/24']);
    assert.match(findings[0] ?? '', /^f1\.yaml:\d+: /);
  });

  it('names an alias to nothing instead of falling over it', async () => {
    const { status, routes, findings } = await migrate(`${configMap('["192.168.50.0/24"]')}---\nkind: *nobody\n`);
    assert.equal(status, EXIT.failed);
    assert.deepEqual(routes, ['static-routes: 192.168.50.0/24']);
    assert.match(findings[0] ?? '', /^f1\.yaml:\d+: .*nobody/);
  });

  it('splits more subnets than one StaticRoute may have, in order and without loss', async () => {
    const subnets = Array.from({ length: 5000 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
    const { status, routes } = await migrate(configMap(JSON.stringify(subnets)));
    assert.equal(status, EXIT.ok);
    const [first = '', second = ''] = routes;
    assert.match(first, /^static-routes-1: 10\.100\.0\.0\/24 /);
    assert.match(second, /^static-routes-2: /);
    assert.equal(routes.length, 2);
    assert.deepEqual(
      routes.flatMap((text) => text.split(': ')[1]?.split(' ') ?? []),
      subnets,
    );
    assert.equal(first.split(' ').length - 1, 4096);
  });

  it('gives the parts names that nobody else has', async () => {
    const subnets = Array.from({ length: 5000 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
    const { routes } = await migrate(
      configMap('["192.168.50.0/24"]', 'r-1'),
      configMap(JSON.stringify(subnets), 'r'),
      configMap('["192.168.60.0/24"]', 'r-2'),
    );
    const names = routes.map((text) => text.split(':')[0]);
    assert.equal(new Set(names).size, 4, names.join());
  });

  it('fails when there is nothing to migrate', async () => {
    for (const text of ['', 'kind: Secret\n', '- a\n- b\n', configMap('["192.168.50.0/24"]').replace('routes:', 'other:')]) {
      await assert.rejects(migrate(text), (error: unknown) => {
        assert.ok(error instanceof CommandFailed, String(error));
        assert.match(
          error.message,
          /^nothing to migrate in .*f1\.yaml: there is no ConfigMap with a JSON array of subnets under the key "routes", and nothing of iks/,
        );
        return true;
      });
    }
  });

  it('names a file that is missing', () =>
    Bench.with(async (bench) => {
      await assert.rejects(bench.run('migrate', bench.path('none.yaml')), (error: unknown) => {
        assert.ok(error instanceof CommandFailed);
        assert.match(error.message, /^cannot read .*none\.yaml \(ENOENT: .*\): correct the path$/);
        return true;
      });
    }));

  it('takes files or a cluster, not both', () =>
    Bench.with(async (bench) => {
      for (const flag of ['--kubeconfig', '--context', '--namespace'])
        await assert.rejects(bench.run('migrate', 'f.yaml', flag, 'x'), /exclude each other/);
      assert.deepEqual(bench.clustersOpened, []);
    }));
});
