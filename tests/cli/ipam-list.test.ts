import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { EXIT } from '../../src/cli/command.ts';
import { ApiError } from '../../src/cluster/api-client.ts';
import { OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { UsageError } from '../../src/runtime/config.ts';
import { CLUSTER, withCluster } from './ipam-bench.ts';
import { entry, overlayIP, pool, SINCE } from './ipam-builders.ts';
import { Bench } from './support.ts';

describe('ipam list', () => {
  const list = (bench: Bench, ...args: readonly string[]) => bench.run('ipam', 'list', ...CLUSTER, ...args);

  it('shows every address: whose it is, since when, and in which state', () =>
    withCluster(
      [
        pool('default', [
          entry('192.168.100.10 n2'),
          entry('192.168.100.4 n1'),
          entry('192.168.100.5 n3', { releasing: true, record: '105' }),
          entry('192.168.100.6 n9', { releaseAfter: '2027-01-01T12:00:00Z' }),
          entry('192.168.100.7 n8', { releasing: true }),
          entry('192.168.100.8 n3'),
        ]),
        overlayIP('n1 192.168.100.4', 'default', { record: '101' }),
        overlayIP('n2 192.168.100.10', 'default', { ready: 'IPAMUnavailable', device: 'Unknown' }),
        overlayIP('n3 192.168.100.8', 'default', { device: 'DeviceTaken' }),
        overlayIP('n3 192.168.100.20', 'other'),
        pool('third', [entry('192.168.100.30 n1', { releasing: true })]),
        overlayIP('n1 192.168.100.30', 'third', { deleting: true }),
      ],
      async (bench) => {
        const { status, out, err } = await list(bench);
        assert.deepEqual([status, err], [EXIT.ok, '']);
        const lines = out
          .trimEnd()
          .split('\n')
          .map((line) => line.split(/ {2,}/));
        assert.deepEqual(lines[0], ['ADDRESS', 'NODE', 'POOL', 'ZONE', 'STATE', 'RECORD', 'SINCE', 'NOTE']);
        assert.deepEqual(
          lines.slice(1).map(([address, node, name, zone, state, record, , note = '']) => [address, node, name, zone, state, record, note]),
          [
            ['192.168.100.4', 'n1', 'default', 'dal10', 'granted', '101', ''],
            ['192.168.100.5', 'n3', 'default', '-', 'quarantined', '105', 'its node has not said that the address is gone there'],
            ['192.168.100.6', 'n9', 'default', '-', 'quarantined', '-', 'given back after 2027-01-01T12:00:00Z'],
            ['192.168.100.7', 'n8', 'default', '-', 'releasing', '-', ''],
            ['192.168.100.8', 'n3', 'default', 'dal10', 'granted', '-', 'DeviceTaken: DeviceTaken it is'],
            ['192.168.100.10', 'n2', 'default', 'dal10', 'waiting', '-', 'IPAMUnavailable: IPAMUnavailable it is'],
            ['192.168.100.20', 'n3', 'other', 'dal10', 'granted', '-', ''],
            ['192.168.100.30', 'n1', 'third', 'dal10', 'releasing', '-', ''],
          ],
        );
      },
    ));

  it('shows the nodes that wait for one', () =>
    withCluster(
      [pool('default', [], { status: { waiting: [{ node: 'n1', reason: 'Exhausted', message: 'zone dal10 is full' }] } })],
      async (bench) => {
        const { out } = await list(bench);
        assert.match(
          out,
          /^no node has an overlay address\n\nWAITING NODE +POOL +REASON +MESSAGE\nn1 +default +Exhausted +zone dal10 is full\n$/,
        );
      },
    ));

  it('says what is wrong with a pool, besides who waits for it', () => {
    const waiting = [{ node: 'n1', reason: 'RangeUnusable', message: 'a range for zone a cannot be used' }];
    const message = 'subnet 7 has no gateway: mark one';
    const conditions = [{ type: 'Degraded', status: 'True', reason: 'RangeUnusable', message, lastTransitionTime: SINCE }];
    return withCluster([pool('default', [], { status: { waiting, conditions } }), pool('fine', [])], async (bench) => {
      const { out } = await list(bench);
      assert.match(out, /\n\nPOOL WITH A PROBLEM +REASON +MESSAGE\ndefault +RangeUnusable +subnet 7 has no gateway: mark one\n$/);
      assert.deepEqual(JSON.parse((await list(bench, '-o', 'json')).out).problems, [{ pool: 'default', reason: 'RangeUnusable', message }]);
    });
  });

  it('says of each address of a node what is wrong with that one', () =>
    withCluster(
      [
        pool('default', []),
        overlayIP('n1 192.168.100.4', 'default', {
          ready: 'AddressTaken',
          second: '2001:db8:100::4/64',
          message: '192.168.100.4 is that of node n2: free it there',
        }),
        overlayIP('n3 192.168.100.5', 'default', { device: 'DeviceMissing', second: '2001:db8:100::5/64', message: 'there is no eth9' }),
      ],
      async (bench) => {
        const { addresses } = JSON.parse((await list(bench, '-o', 'json')).out);
        assert.deepEqual(
          addresses.map(({ address, note }: { address: string; note: string }) => [address, note]),
          [
            ['192.168.100.4', 'AddressTaken: 192.168.100.4 is that of node n2: free it there'],
            ['192.168.100.5', 'DeviceMissing: there is no eth9'],
            ['2001:db8:100::4', 'AddressTaken: see 192.168.100.4'],
            ['2001:db8:100::5', 'DeviceMissing: there is no eth9'],
          ],
        );
      },
    ));

  it('says why a node that has an address in the ledger does not use it', () =>
    withCluster(
      [
        pool('default', [entry('192.168.100.16 n1'), entry('192.168.100.17 n2')]),
        overlayIP('n1 192.168.100.4', 'default', { ready: 'AddressTaken', message: '192.168.100.4 is that of node n9' }),
      ],
      async (bench) => {
        const { addresses } = JSON.parse((await list(bench, '-o', 'json')).out);
        assert.deepEqual(
          addresses.slice(1).map(({ address, state, note }: { address: string; state: string; note: string }) => [address, state, note]),
          [
            [
              '192.168.100.16',
              'waiting',
              'NodeOverlayIP n1.default asks for 192.168.100.4 and does not get it: AddressTaken: 192.168.100.4 is that of node n9',
            ],
            ['192.168.100.17', 'waiting', 'its NodeOverlayIP is not there yet'],
          ],
        );
      },
    ));

  it('is there for machines', () =>
    withCluster(
      [pool('default', [entry('192.168.100.4 n1')]), overlayIP('n1 192.168.100.4', 'default', { record: '101' })],
      async (bench) => {
        const expected = {
          addresses: [
            { address: '192.168.100.4', node: 'n1', pool: 'default', zone: 'dal10', state: 'granted', record: '101', since: SINCE },
          ],
          waiting: [],
          problems: [],
        };
        assert.deepEqual(JSON.parse((await list(bench, '-o', 'json')).out), expected);
        assert.deepEqual(parse((await list(bench, '-o', 'yaml')).out), expected);
      },
    ));

  it('names what it cannot read, and shows the rest', () =>
    withCluster([{ ...pool('broken', []), spec: {} }, pool('default', [entry('192.168.100.4 n1')])], async (bench) => {
      const { status, out, err } = await list(bench);
      assert.equal(status, EXIT.failed);
      assert.match(err, /^OverlayPool broken cannot be read: /);
      assert.match(out, /^192\.168\.100\.4 /m);
    }));

  it('says which right is missing, and how to install the definitions', () =>
    withCluster([], async (bench) => {
      bench.apiBefore = ({ resource }) => {
        if (resource === 'overlaypools') throw new ApiError('cannot list overlaypools: forbidden', { status: 403, reason: 'Forbidden' });
      };
      await assert.rejects(
        list(bench),
        /^CommandFailed: cannot list overlaypools: forbidden: ask for the right to list overlaypools, nodeoverlayips and nodes$/,
      );
      bench.apiBefore = () => {};
      bench.api.withdraw(OVERLAY_POOLS);
      await assert.rejects(list(bench), /does not know our kinds: install them/);
    }));

  it('takes one of two verbs', () =>
    Bench.with(async (bench) => {
      for (const args of [[], ['show'], ['list', 'check'], ['list', '--repair']])
        await assert.rejects(bench.run('ipam', ...args, ...CLUSTER), (error) => error instanceof UsageError);
      assert.deepEqual(bench.clustersOpened, []);
    }));
});
