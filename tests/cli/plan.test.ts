import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { EXIT } from '../../src/cli/command.ts';
import { formatFacts, parseFacts } from '../../src/cli/facts-file.ts';
import { RouteIndex } from '../../src/core/route.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { ETH0, ETH1, facts, link, onLink, prefix, route, rule } from '../core/builders.ts';
import { Bench } from './support.ts';

const ours = (to: string): ReturnType<typeof route> => route(to, '10.1.0.1', ETH1, { protocol: 201, metric: 4201 });

describe('plan', () => {
  it('shows what would change, exits with 2, and changes nothing', () =>
    Bench.with(async (bench) => {
      bench.kernel.addRoute(ours('192.168.99.0/24'));
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      const ran = await bench.run('plan', '--manifests', 'x', ...bench.here);
      assert.deepEqual(ran, {
        status: EXIT.found,
        out: `+ 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201
- 192.168.99.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201
node n1: 2 changes, 0 problems
`,
        err: '',
      });
      assert.deepEqual(bench.kernel.log, []);
    }));

  it('exits with 0 when there is nothing to do', () =>
    Bench.with(async (bench) => {
      const ran = await bench.run('plan', '--manifests', 'x', ...bench.here);
      assert.deepEqual(ran, { status: EXIT.ok, out: 'node n1: 0 changes, 0 problems\n', err: '' });
    }));

  it('exits with 1 when there are only problems, each with its resource and code', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'], via: { device: 'eth9' } });
      const { status, err } = await bench.run('plan', '--manifests', 'x', ...bench.here);
      assert.equal(status, EXIT.failed);
      assert.match(err, /^problem: StaticRoute a: DeviceMissing: node n1 has no device eth9/);
    }));

  it('shows what an incomplete source withholds', () =>
    Bench.with(async (bench) => {
      bench.kernel.addRoute(ours('192.168.99.0/24'));
      bench.put('broken', { subnets: [] });
      const { status, out, err } = await bench.run('plan', '--manifests', 'x', ...bench.here);
      assert.equal(status, EXIT.failed);
      assert.match(out, /^\(withheld\) - 192\.168\.99\.0\/24 /);
      assert.match(out, /0 changes, 1 removal withheld, 2 problems\n$/);
      assert.match(err, /problem: .*StaticRoute broken: InvalidSpec: /);
      assert.match(err, /problem: nothing would be removed: /);
    }));

  it('prints the same for machines, as JSON or YAML', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      bench.put('b', { subnets: ['192.168.60.0/24'], via: { device: 'eth9' } });
      const json = await bench.run('plan', '--manifests', 'x', '-o', 'json', ...bench.here);
      const plan: unknown = JSON.parse(json.out);
      assert.deepEqual(plan, {
        node: 'n1',
        changes: [{ op: 'add-route', text: '+ 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201' }],
        withheld: [],
        problems: [
          {
            code: 'DeviceMissing',
            subject: 'StaticRoute b',
            message: 'node n1 has no device eth9 (it has eth0, eth1): the route is added when it appears',
          },
        ],
      });
      assert.deepEqual([json.status, json.err], [EXIT.found, '']);
      const yaml = await bench.run('plan', '--manifests', 'x', '-o', 'yaml', ...bench.here);
      assert.deepEqual(parse(yaml.out), plan);
    }));

  it('respects --protect', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['198.51.100.0/24'] });
      const { status, err } = await bench.run('plan', '--manifests', 'x', '--protect', '198.51.100.7/32', ...bench.here);
      assert.equal(status, EXIT.failed);
      assert.match(err, /StaticRoute a: ProtectedPath: 198\.51\.100\.0\/24 would move 198\.51\.100\.7\/32, protected by --protect/);
    }));
});

describe('plan for saved facts', () => {
  it('needs no kernel, and says what it would say on that machine', () =>
    Bench.with(async (bench) => {
      const file = bench.path('facts.json');
      bench.kernel.addRoute(ours('192.168.99.0/24'));
      const saved = await bench.run('plan', '--save-facts', file, ...bench.here);
      assert.deepEqual(saved, { status: EXIT.ok, out: `facts of node n1 written to ${file}\n`, err: '' });

      bench.put('a', { subnets: ['192.168.50.0/24'] });
      const there = await bench.run('plan', '--manifests', 'x', ...bench.here);
      assert.equal(bench.kernelsOpened, 2);
      bench.kernel.setUnavailable('nobody may ask');
      const offline = await bench.run('plan', '--manifests', 'x', '--facts', file, ...bench.here);
      assert.deepEqual(offline, there);
      assert.equal(bench.kernelsOpened, 2);
    }));

  it('says in one line that a file of facts is missing or cannot be written', () =>
    Bench.with(async (bench) => {
      const missing = bench.path('no-such-file.json');
      await assert.rejects(bench.run('plan', '--manifests', 'x', '--facts', missing, ...bench.here), (error: unknown) => {
        assert.ok(error instanceof CommandFailed, String(error));
        assert.match(error.message, /^cannot read .*no-such-file\.json \(ENOENT: there is no such file or folder\): correct the path$/);
        return true;
      });
      const nowhere = bench.path('no', 'such', 'folder', 'facts.json');
      await assert.rejects(bench.run('plan', '--save-facts', nowhere, ...bench.here), (error: unknown) => {
        assert.ok(error instanceof CommandFailed, String(error));
        assert.match(
          error.message,
          /^cannot write .*facts\.json \(ENOENT: there is no such file or folder\): create the folder .*, or choose another one$/,
        );
        return true;
      });
    }));

  it('says in one line that the kernel does not answer', () =>
    Bench.with(async (bench) => {
      bench.kernel.setUnavailable('the netlink socket is gone');
      await assert.rejects(bench.run('plan', '--manifests', 'x', ...bench.here), (error: unknown) => {
        assert.ok(error instanceof CommandFailed, String(error));
        assert.match(error.message, /the netlink socket is gone/);
        return true;
      });
    }));
});

describe('a file of facts', () => {
  it('gives back everything that was written', () => {
    const rich = {
      ...facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 1, mtu: 9000, carrier: false })], rpFilterAll: 1 }),
      rules: [
        rule(4, 0, 255),
        rule(4, 100, 0, { action: 'goto', goto: 32766 }),
        rule(4, 200, 77, {
          from: prefix('10.0.0.0/8'),
          to: prefix('192.168.0.0/16'),
          iif: 'eth0',
          oif: 'eth1',
          mark: { value: 16, mask: 240 },
        }),
        rule(6, 300, 254, { suppressPrefixLength: 0, opaque: true }),
      ],
      addresses: [onLink('2001:db8::10/64', ETH0).address],
      routes: [
        route('default', '203.0.113.1', ETH0),
        route('192.168.0.0/16', '10.1.0.1', ETH1, { source: prefix('10.1.0.10/32').first, mtu: 1400, metric: 7, table: 100 }),
        route('198.51.100.0/24', undefined, undefined, { type: 'blackhole' }),
      ],
    };
    const owned = RouteIndex.of([ours('192.168.50.0/24'), ours('2001:db8:50::/48')]);
    const back = parseFacts(formatFacts({ facts: rich, owned }), 'facts.json');
    assert.deepEqual(back.facts, rich);
    assert.deepEqual([...back.owned.values()], [...owned.values()]);
  });

  const good = JSON.parse(formatFacts({ facts: facts(), owned: new RouteIndex() })) as Record<string, unknown>;
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{', /^f\.json is not JSON: /],
    ['an array', '[]', /^f\.json: .*; write it with "fairlead plan --save-facts f\.json"$/],
    ['a version that we do not know', JSON.stringify({ ...good, version: 2 }), /^f\.json: version: /],
    [
      'a field that is missing',
      JSON.stringify({ ...good, facts: { ...Object(good['facts']), rules: undefined } }),
      /^f\.json: facts\.rules: /,
    ],
    [
      'a prefix with host bits',
      formatFacts({ facts: facts(), owned: RouteIndex.of([ours('192.168.50.0/24')]) }).replace('192.168.50.0/24', '192.168.50.1/24'),
      /^f\.json: owned\.0\.prefix: "192\.168\.50\.1\/24" has host bits set: write 192\.168\.50\.0\/24; /,
    ],
    [
      'an address that is none',
      JSON.stringify(good).replace('"203.0.113.1"', '"203.0.113.999"'),
      /^f\.json: facts\.routes\.\d+\.spec\.hops\.0\.gateway: /,
    ],
  ];
  for (const [what, text, message] of bad) {
    it(`with ${what} is refused with the field and the fix`, () => {
      assert.throws(
        () => parseFacts(text, 'f.json'),
        (error: unknown) => {
          assert.ok(error instanceof CommandFailed, String(error));
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /: :/, 'no empty field name');
          return true;
        },
      );
    });
  }

  it('is written with addresses as text', () =>
    Bench.with(async (bench) => {
      const file = bench.path('facts.json');
      await bench.run('plan', '--save-facts', file);
      assert.match(await readFile(file, 'utf8'), /"gateway": "203\.0\.113\.1"/);
      await writeFile(file, '{}');
      await assert.rejects(bench.run('plan', '--manifests', 'x', '--facts', file), CommandFailed);
    }));
});
