import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { EXIT } from '../../src/cli/command.ts';
import { address, agents, configMap, lineOf, migrate, route, specOf, together } from './migrate-overlay-builders.ts';

describe('migrate from the overlay IP controller', () => {
  it('keeps the address of every node, and makes the pool of its configuration', async () => {
    const ran = await migrate(
      together(
        configMap(),
        agents(),
        address('10.176.162.151', '192.168.100.4/24'),
        address('n2', '192.168.100.7/24'),
        route('on-prem', { subnet: '192.168.0.0/24' }),
      ),
    );
    assert.deepEqual([ran.status, ran.findings], [EXIT.ok, []]);
    assert.deepEqual(
      ran.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ['NodeOverlayIP 10.176.162.151.default', 'NodeOverlayIP n2.default', 'OverlayPool default', 'StaticRoute on-prem'],
    );
    assert.deepEqual(ran.objects[0]?.metadata.annotations, { 'fairlead.dev/adopt': 'true' });
    assert.deepEqual(ran.objects[0]?.spec, { node: '10.176.162.151', pool: 'default', addresses: ['192.168.100.4/24'] });
    assert.deepEqual(specOf(ran, 'OverlayPool'), {
      ipam: {
        phpIPAM: {
          url: 'https://ipam.example.com',
          appID: 'iks',
          subnetMap: { dal10: [7], dal12: [8, 9] },
          credentialsSecret: 'phpipam-secret',
        },
      },
      interface: { parent: { name: 'eth0' }, name: 'tmp0' },
    });
    assert.deepEqual(specOf(ran, 'StaticRoute'), { subnets: ['192.168.0.0/24'], via: { overlay: { pool: 'default' } } });
  });

  it('takes what is in several files together, whatever their order, and other things among it', async () => {
    const list = stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: 'eA==' } },
        parse(address('n1', '192.168.100.4/24')),
      ],
    });
    const ran = await migrate(route('r', { subnet: '192.168.0.0/24' }), list, together(configMap(), 'kind: Service\n'));
    assert.deepEqual([ran.status, ran.findings], [EXIT.ok, []]);
    assert.deepEqual(
      ran.objects.map(({ kind }) => kind),
      ['NodeOverlayIP', 'OverlayPool', 'StaticRoute'],
    );
    assert.deepEqual(ran.objects[2]?.spec['via'], { overlay: { pool: 'default' } });
  });

  it('takes an IPv6 address, in its canonical form', async () => {
    const ran = await migrate(together(configMap(), address('n1', 'FD00:100:0::4/64')));
    assert.deepEqual([ran.status, ran.objects[0]?.spec['addresses']], [EXIT.ok, ['fd00:100::4/64']]);
  });

  describe('routes', () => {
    const via = async (...documents: readonly string[]): Promise<unknown> =>
      (await migrate(together(...documents))).objects.find(({ kind }) => kind === 'StaticRoute')?.spec;

    it('go through the gateway that they name', async () => {
      assert.deepEqual(await via(configMap(), route('r', { subnet: '172.16.9.0/24', gateway: '10.176.162.129' })), {
        subnets: ['172.16.9.0/24'],
        via: { gateway: '10.176.162.129' },
      });
    });

    it('stay those of a zone, and of the nodes that its agents ran on', async () => {
      const labels = { 'failure-domain.beta.kubernetes.io/zone': 'dal10' };
      assert.deepEqual(
        await via(configMap(), agents({ nodeSelector: { edge: 'true' } }), route('r', { subnet: '172.16.9.0/24' }, labels)),
        {
          subnets: ['172.16.9.0/24'],
          via: { overlay: { pool: 'default' } },
          nodeSelector: { matchLabels: { edge: 'true', 'topology.kubernetes.io/zone': 'dal10' } },
        },
      );
    });

    it('follow 10.0.0.0/8 where nodes have no overlay address, and that is said', async () => {
      const { status, objects, findings, notes } = await migrate(
        together(route('a', { subnet: '172.16.9.0/24', gateway: '10.0.0.1' }), route('b', { subnet: '172.16.10.0/24' })),
      );
      assert.deepEqual(objects[1]?.spec['via'], { discover: { toward: ['10.0.0.0/8'] } });
      assert.equal(status, EXIT.failed);
      assert.match(
        findings.join(),
        /^f1\.yaml:9: it has no gateway, and there are no NodeOverlayIps: it follows the route to 10\.0\.0\.0\/8/,
      );
      assert.deepEqual(notes, []);
    });

    it('get names that no other has', async () => {
      const daemonSet = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: r}\ndata: {routes: \'["192.168.50.0/24"]\'}\n';
      const { objects } = await migrate(together(daemonSet, configMap(), route('r', { subnet: '172.16.9.0/24' })));
      assert.deepEqual(
        objects.filter(({ kind }) => kind === 'StaticRoute').map(({ metadata }) => metadata.name),
        ['r', 'r-2'],
      );
    });

    it('that cannot be used are named by line', async () => {
      const text = together(
        configMap(),
        route('wide', { subnet: '0.0.0.0/0' }),
        route('host-bits', { subnet: '192.168.0.7/24' }),
        route('none', { other: 'x' }),
        route('gateway', { subnet: '172.16.9.0/24', gateway: 'vpn' }),
        route('fine', { subnet: '172.16.10.0/24' }),
        route('again', { subnet: '172.16.10.0/24 ' }),
        route('other-zone', { subnet: '172.16.10.0/24' }, { 'failure-domain.beta.kubernetes.io/zone': 'dal10' }),
        route('loop', { subnet: '172.16.11.0/24', gateway: '127.0.0.1' }),
      );
      const { status, objects, findings } = await migrate(text);
      assert.equal(status, EXIT.failed);
      assert.deepEqual(
        objects.filter(({ kind }) => kind === 'StaticRoute').map(({ metadata }) => metadata.name),
        ['fine', 'other-zone'],
      );
      const expected: readonly (readonly [string, RegExp])[] = [
        ['0.0.0.0/0', /^StaticRoute wide is left out: "0\.0\.0\.0\/0" is too wide/],
        ['192.168.0.7/24', /^StaticRoute host-bits is left out: .* write 192\.168\.0\.0\/24$/],
        ['other: x', /^StaticRoute none is left out: it has no spec\.subnet$/],
        ['gateway: vpn', /^StaticRoute gateway is left out: spec\.via\.gateway: "vpn" is not an IP address/],
        [
          '"172.16.10.0/24 "',
          new RegExp(`^StaticRoute again is left out: 172.16.10.0/24 is there already, at f1.yaml:${lineOf(text, '172.16.10.0/24')}$`),
        ],
        ['gateway: 127.0.0.1', /^StaticRoute loop is left out: spec\.via\.gateway: /],
      ];
      for (const [i, [place, message]] of expected.entries()) {
        const [, where, words = ''] = /^f1\.yaml:(\d+): (.*)$/.exec(findings[i] ?? '') ?? [];
        assert.match(words, message);
        // A field that is missing is looked for where it would be.
        assert.equal(Number(where), lineOf(text, place) - (place === 'other: x' ? 1 : 0));
      }
      assert.equal(findings.length, expected.length);
    });
  });

  describe('addresses that cannot be taken over', () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['none yet', address('n1'), /^NodeOverlayIp n1 is left out: it has no status\.ipAddr: the node gets an address/],
      ['no mask', address('n1', '192.168.100.4'), / 192\.168\.100\.4 has no prefix length: write it as 192\.168\.100\.4\/24/],
      ['no address', address('n1', 'pending/24'), /^NodeOverlayIp n1 is left out: .*"pending" is not an IP address/],
      ['a mask too long', address('n1', '192.168.100.4/33'), /0 and 32/],
      ['the network address', address('n1', '192.168.100.0/24'), /network/],
      ['the broadcast address', address('n1', '192.168.100.255/24'), /broadcast/],
      ['a name that no node has', address('N_1', '192.168.100.4/24'), /^NodeOverlayIp N_1 is left out: /],
      [
        'being deleted',
        address('n1', '192.168.100.4/24', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        /^NodeOverlayIp n1 is left out: it is being deleted/,
      ],
    ];
    for (const [what, document, message] of cases) {
      it(what, async () => {
        const text = together(configMap(), document, address('n9', '192.168.100.9/24'));
        const { status, objects, findings } = await migrate(text);
        assert.equal(status, EXIT.failed);
        assert.deepEqual(
          objects.map(({ metadata }) => metadata.name),
          ['n9.default', 'default'],
        );
        assert.equal(findings.length, 1);
        const [, where, words = ''] = /^f1\.yaml:(\d+): (.*)$/.exec(findings[0] ?? '') ?? [];
        assert.match(words, message);
        assert.equal(Number(where), document.includes('ipAddr') ? lineOf(text, 'ipAddr') : lineOf(text, 'status:'));
      });
    }

    it('two nodes with one address: neither gets it, and each is told of the other', async () => {
      const [one, other] = [
        together(configMap(), address('n1', '192.168.100.4/24')),
        together(address('n2', '192.168.100.4/23'), address('n3', '192.168.100.5/24')),
      ];
      const { status, objects, findings } = await migrate(one, other);
      const [first, second] = [`f1.yaml:${lineOf(one, 'ipAddr')}`, `f2.yaml:${lineOf(other, 'ipAddr')}`];
      assert.equal(status, EXIT.failed);
      assert.deepEqual(
        objects.map(({ metadata }) => metadata.name),
        ['n3.default', 'default'],
      );
      const fix = 'see in phpIPAM whose it is, and correct the other';
      assert.deepEqual(findings, [
        `${first}: NodeOverlayIp n1 is left out: its address 192.168.100.4/24 is also that of n2 (${second}); ${fix}`,
        `${second}: NodeOverlayIp n2 is left out: its address 192.168.100.4/23 is also that of n1 (${first}); ${fix}`,
      ]);
    });

    it('one node twice: the first counts', async () => {
      const { objects, findings } = await migrate(
        together(configMap(), address('n1', '192.168.100.4/24')),
        address('n1', '192.168.100.5/24'),
      );
      assert.deepEqual(objects[0]?.spec['addresses'], ['192.168.100.4/24']);
      assert.deepEqual(findings, ['f2.yaml:4: NodeOverlayIp n1 is left out: it is there already, at f1.yaml:20']);
    });

    it('addresses without a configuration: they are kept, and the pool is asked for', async () => {
      const { status, objects, findings } = await migrate(address('n1', '192.168.100.4/24'));
      assert.equal(status, EXIT.failed);
      assert.deepEqual(
        objects.map(({ kind }) => kind),
        ['NodeOverlayIP'],
      );
      assert.match(
        findings.join(),
        /^f1\.yaml:1: there is no ConfigMap with overlay-ip-config\.yaml beside the addresses: name its file too/,
      );
    });
  });
});
