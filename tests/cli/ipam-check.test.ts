import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import type { LedgerEntry } from '../../src/api/kinds/overlay-pool-status.ts';
import { EXIT } from '../../src/cli/command.ts';
import { releaseInLedger } from '../../src/cli/ipam-repair.ts';
import { ApiError } from '../../src/cluster/api-client.ts';
import type { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { CLUSTER, ledgerOf, recordsOf, secret, withCluster, withPhpIpam } from './ipam-bench.ts';
import { entry, overlayIP, pool, SINCE } from './ipam-builders.ts';
import type { Bench } from './support.ts';

const check = (bench: Bench, ...args: readonly string[]) => bench.run('ipam', 'check', ...CLUSTER, ...args);

describe('ipam check', { concurrency: true }, () => {
  it('finds nothing where all agree', () =>
    withPhpIpam(
      {
        ledger: [entry('192.168.100.4 n1')],
        overlayIPs: [overlayIP('n1 192.168.100.4')],
        records: { '192.168.100.4': 'n1', '192.168.100.9': '!printer' },
      },
      async (bench) => {
        assert.deepEqual(await check(bench), { status: EXIT.ok, out: '1 address, 0 differences\n', err: '' });
      },
    ));

  it('names differences with their fix, and exits with 2', () =>
    withPhpIpam(
      {
        ledger: [entry('192.168.100.4 n1'), entry('192.168.100.5 n9'), entry('192.168.100.6 n2')],
        overlayIPs: [overlayIP('n1 192.168.100.4'), overlayIP('n2 192.168.100.6')],
        records: { '192.168.100.6': '!printer', '192.168.100.7': 'n3' },
      },
      async (bench, ipam) => {
        const { status, out, err } = await check(bench);
        assert.deepEqual([status, err], [EXIT.found, '']);
        const mend = '"fairlead ipam check --repair" does it';
        assert.deepEqual(out.trimEnd().split('\n'), [
          `default 192.168.100.4: node n1 has it, and phpIPAM has no record of it: it is to be recorded: ${mend}`,
          `default 192.168.100.5: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP: it is to be given back: ${mend}`,
          'default 192.168.100.6: node n2 has it, and phpIPAM has recorded it for printer (owner facilities) (record 1001): see whose it is, then delete that record or NodeOverlayIP n2.default',
          `default 192.168.100.7: phpIPAM has recorded it for node n3 (record 1002), and neither the ledger nor a NodeOverlayIP has it: it is to be given back: ${mend}`,
          '3 addresses, 4 differences',
        ]);
        assert.deepEqual(recordsOf(ipam), ['192.168.100.6 printer', '192.168.100.7 n3.default']);
      },
    ));

  it('repairs what is safe, and leaves the rest to the reader', () =>
    withPhpIpam(
      {
        ledger: [entry('192.168.100.4 n1'), entry('192.168.100.5 n9'), entry('192.168.100.6 n2'), entry('192.168.100.8 n3')],
        overlayIPs: [overlayIP('n1 192.168.100.4'), overlayIP('n2 192.168.100.6'), overlayIP('n3 192.168.100.8')],
        records: { '192.168.100.5': 'n9', '192.168.100.6': '!printer', '192.168.100.7': 'n3', '192.168.100.8': 'n3' },
      },
      async (bench, ipam) => {
        const { status, out } = await check(bench, '--repair');
        assert.equal(status, EXIT.found, 'the printer stays');
        assert.match(out, /^default 192\.168\.100\.4: .*: recorded in phpIPAM \(record 1005\)$/m);
        assert.match(out, /^default 192\.168\.100\.5: .*: marked in the ledger as one that the controller gives back$/m);
        assert.match(out, /^default 192\.168\.100\.6: .*: see whose it is/m);
        assert.match(out, /^default 192\.168\.100\.7: .*: entered into the ledger as one that the controller gives back$/m);
        assert.match(out, /\n4 addresses, 4 differences, 3 repaired\n$/);
        assert.deepEqual(await ledgerOf(bench), [
          '192.168.100.4 n1',
          '192.168.100.5 n9 releasing record 1001',
          '192.168.100.6 n2',
          '192.168.100.8 n3',
          '192.168.100.7 n3 releasing record 1003',
        ]);
        assert.deepEqual(recordsOf(ipam), [
          '192.168.100.4 n1.default',
          '192.168.100.5 n9.default',
          '192.168.100.6 printer',
          '192.168.100.7 n3.default',
          '192.168.100.8 n3.default',
        ]);
      },
    ));

  it('is content when everything has been repaired', () =>
    withCluster([pool('default', [entry('192.168.100.5 n9')])], async (bench) => {
      assert.equal((await check(bench, '--repair')).status, EXIT.ok);
      assert.deepEqual(await check(bench), { status: EXIT.ok, out: '1 address, 0 differences\n', err: '' });
    }));

  it('does not call a difference what is gone a moment later', () =>
    withCluster([pool('default', [entry('192.168.100.4 n1')])], async (bench) => {
      let looks = 0;
      bench.apiBefore = ({ verb, resource }) => {
        if (verb === 'list' && resource === 'overlaypools' && ++looks === 1)
          queueMicrotask(() => bench.api.put(overlayIP('n1 192.168.100.4')));
      };
      assert.equal((await check(bench)).status, EXIT.ok);
      assert.equal(looks, 2);
    }));

  it('writes again when somebody else has written in between', () =>
    withCluster([pool('default', [entry('192.168.100.5 n9')])], async (bench) => {
      let others = 0;
      bench.apiBefore = ({ verb, resource }) => {
        if (verb === 'get' && resource === 'nodeoverlayips' && others++ < 2)
          bench.api.put(pool('default', [entry('192.168.100.5 n9'), entry(`192.168.100.1${others} n1`)]));
      };
      assert.match((await check(bench, '--repair')).out, /marked in the ledger/);
      assert.deepEqual(await ledgerOf(bench), ['192.168.100.5 n9 releasing', '192.168.100.12 n1']);
    }));

  it('leaves alone what has changed meanwhile', () =>
    withCluster([pool('default', [entry('192.168.100.5 n9'), entry('192.168.100.6 n8'), entry('192.168.100.7 n7')])], async (bench) => {
      bench.apiBefore = ({ verb, resource, name }) => {
        if (verb === 'get' && resource === 'nodeoverlayips' && name === 'n9.default') bench.api.put(overlayIP('n9 192.168.100.5'));
        if (verb === 'get' && resource === 'nodes' && name === 'n8') bench.api.put({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
      };
      const { status, out } = await check(bench, '--repair');
      assert.equal(status, EXIT.found);
      assert.match(out, /^default 192\.168\.100\.5: .*: left alone: node n9 has a NodeOverlayIP with it by now$/m);
      assert.match(out, /^default 192\.168\.100\.6: .*: left alone: Node n8 is there by now$/m);
      assert.deepEqual(await ledgerOf(bench), ['192.168.100.5 n9', '192.168.100.6 n8', '192.168.100.7 n7 releasing']);
    }));

  it('gives up when the pool changes all the time', () =>
    withCluster([pool('default', [entry('192.168.100.5 n9')])], async (bench) => {
      let others = 0;
      bench.apiBefore = ({ verb }) => {
        if (verb === 'replace') bench.api.put(pool('default', [entry('192.168.100.5 n9'), entry(`192.168.100.${20 + others++} n1`)]));
      };
      const { status, out } = await check(bench, '--repair');
      assert.equal(status, EXIT.found);
      assert.match(out, /left alone: OverlayPool default changes all the time/);
    }));

  it('is there for machines', () =>
    withCluster([pool('default', [entry('192.168.100.5 n9')])], async (bench) => {
      const [difference] = JSON.parse((await check(bench, '-o', 'json')).out).differences;
      assert.deepEqual(difference, {
        pool: 'default',
        address: '192.168.100.5',
        node: 'n9',
        message: 'the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP',
        fix: 'it is to be given back',
        repairable: true,
      });
      const repaired = parse((await check(bench, '--repair', '-o', 'yaml')).out).differences[0];
      assert.deepEqual([repaired.repaired, repaired.result], [true, 'marked in the ledger as one that the controller gives back']);
    }));

  describe('says what it cannot compare, and fails', { concurrency: true }, () => {
    const cases: readonly (readonly [string, (bench: Bench, ipam: FakePhpIpam) => void, RegExp])[] = [
      [
        'without the right to read the Secret',
        (bench) => {
          bench.apiBefore = ({ resource }) => {
            if (resource === 'secrets')
              throw new ApiError('cannot get secrets fairlead-system/phpipam: forbidden', { status: 403, reason: 'Forbidden' });
          };
        },
        /Secret fairlead-system\/phpipam cannot be read: cannot get .*: forbidden.*; or check where they are there: "kubectl exec -n fairlead-system deployment/,
      ],
      ['without the Secret', (bench) => bench.api.remove(secret('phpipam', {})), /there is no Secret fairlead-system\/phpipam: create it/],
      [
        'with half a Secret',
        (bench) => void bench.api.put(secret('phpipam', { username: 'fairlead' })),
        /Secret fairlead-system\/phpipam has no password: put it there/,
      ],
      [
        'with a wrong password',
        (bench) => void bench.api.put(secret('phpipam', { username: 'fairlead', password: 'wrong' })),
        /Invalid username or password/,
      ],
      [
        'while phpIPAM fails',
        (_, { database }) => Object.assign(database, { down: true }),
        /phpIPAM was not asked: .*; or check where they are there: /,
      ],
      [
        'when the subnet is not there',
        (_, { database }) => void database.subnets.delete(7),
        /OverlayPool default: .*7.* does not exist: correct subnetMap/,
      ],
    ];
    for (const [what, spoil, message] of cases) {
      it(what, () =>
        withPhpIpam(
          { ledger: [entry('192.168.100.4 n1')], overlayIPs: [overlayIP('n1 192.168.100.4')], records: { '192.168.100.4': 'n1' } },
          async (bench, ipam) => {
            spoil(bench, ipam);
            const { status, out, err } = await check(bench);
            assert.match(err, /^not compared: OverlayPool default: /);
            assert.match(err, message);
            assert.doesNotMatch(err, /\bwrong\b/);
            assert.equal(out, '1 address, 0 differences\n');
            assert.equal(status, EXIT.failed);
          },
        ),
      );
    }

    it('and does not mark as given back what it knows no record of', () =>
      withPhpIpam({ ledger: [entry('192.168.100.5 n9')] }, async (bench, { database }) => {
        database.down = true;
        const { status, out } = await check(bench, '--repair');
        assert.equal(status, EXIT.found);
        assert.match(out, /: it is to be given back, once phpIPAM can be asked for its record$/m);
        assert.deepEqual(await ledgerOf(bench), ['192.168.100.5 n9']);
      }));
  });

  it('takes the credentials from the namespace that is named', () =>
    withPhpIpam({}, async (bench) => {
      assert.match((await check(bench, '--namespace', 'net')).err, /there is no Secret net\/phpipam: create it/);
    }));
});

describe('the ledger when an address is to be given back', () => {
  const wanted = { type: 'release', pool: 'default', address: '192.168.100.5', node: 'n9', orphan: false } as const;
  const cases: readonly (readonly [string, readonly LedgerEntry[], RegExp])[] = [
    ['is full', Array.from({ length: 16384 }, (_, i) => entry(`10.0.${i >> 8}.${i & 255} n`)), /^left alone: the ledger is full$/],
    ['has it so already', [entry('192.168.100.5 n9', { releasing: true })], /^left alone: the controller gives it back already$/],
    ['has it for another node', [entry('192.168.100.5 n1')], /^left alone: the ledger has it for node n1 by now$/],
  ];
  for (const [what, ledger, message] of cases) {
    it(what, () => {
      const change = releaseInLedger(ledger, wanted, SINCE);
      assert.equal(change.ledger, undefined);
      assert.match(change.message, message);
    });
  }
});
