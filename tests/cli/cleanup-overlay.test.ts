import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeReportKind } from '../../src/api/kinds/node-report.ts';
import { staticRouteKind } from '../../src/api/kinds/static-route.ts';
import { leftBehind } from '../../src/cli/cleanup-left-behind.ts';
import { EXIT } from '../../src/cli/command.ts';
import { ApiError, type ApiObject, type ResourceType } from '../../src/cluster/api-client.ts';
import { typeOf } from '../../src/cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { UsageError } from '../../src/runtime/config.ts';
import { entry, type OverlayIPText, overlayIP, phpIPAM, pool } from './ipam-builders.ts';
import { Bench } from './support.ts';

const ROUTES = typeOf(staticRouteKind.definition);
const FINALIZERS = ['fairlead.dev/release-ip'];
const CLUSTER = ['--cluster', '--kubeconfig', 'admin.conf'] as const;

function withCluster(objects: readonly ApiObject[], use: (bench: Bench) => Promise<void>): Promise<void> {
  return Bench.with(async (bench) => {
    for (const type of [ROUTES, typeOf(nodeReportKind), OVERLAY_POOLS, NODE_OVERLAY_IPS]) bench.api.serve(type);
    for (const object of objects) bench.api.put(object);
    await use(bench);
  });
}

const held = (name: string, ...ledger: readonly object[]): ApiObject =>
  pool(name, ledger, { ipam: phpIPAM(), metadata: { finalizers: FINALIZERS }, status: { ranges: [range] } });
const range = { subnet: '192.168.100.0/24', gateway: '192.168.100.1', allocated: 1, free: 200 };

const route = {
  apiVersion: ROUTES.apiVersion,
  kind: 'StaticRoute',
  metadata: { name: 'r', uid: 'u', resourceVersion: '1' },
  spec: { subnets: ['10.9.0.0/16'] },
};

const cleanup = (bench: Bench, seconds: number, ...args: readonly string[]) =>
  bench.run('cleanup', ...CLUSTER, '--wait', String(seconds), ...args);

/** A controller has given back the address: it takes its finalizers off. */
async function giveBack(bench: Bench, type: ResourceType, name: string): Promise<void> {
  const object = await bench.api.get(type, { name });
  await bench.api.replace(type, { ...object, metadata: { ...object.metadata, finalizers: [] } });
}

const names = async (bench: Bench, type: ResourceType): Promise<readonly string[]> =>
  (await bench.api.list(type)).items.map(({ metadata }) => metadata.name);

describe('cleanup of a cluster with overlay addresses', { concurrency: true }, () => {
  it('goes on where some of our definitions are gone already', () =>
    withCluster([held('default', entry('192.168.100.4 n1'))], async (bench) => {
      bench.api.withdraw(ROUTES);
      bench.api.withdraw(typeOf(nodeReportKind));
      const { err } = await cleanup(bench, 0, '--force');
      assert.deepEqual(await names(bench, OVERLAY_POOLS), []);
      assert.match(err, /left behind: 192\.168\.100\.4 of node n1/);
    }));

  it('says so where there is none of them', () =>
    Bench.with((bench) => assert.rejects(cleanup(bench, 0, '--force'), /does not know our kinds: install them/)));

  it('deletes routes, then pools, then what no pool holds, and waits until all is given back', () =>
    withCluster(
      [
        route,
        held('default', entry('192.168.100.4 n1')),
        overlayIP('n1 192.168.100.4'),
        overlayIP('n2 192.168.100.5', 'default', { ready: 'AddressTaken', finalizers: [] }),
        overlayIP('n1 192.168.99.4', 'older', { finalizers: [] }),
      ],
      async (bench) => {
        setTimeout(async () => {
          assert.deepEqual(await names(bench, NODE_OVERLAY_IPS), ['n1.default'], 'the controller deletes that one itself');
          bench.api.remove(overlayIP('n1 192.168.100.4'));
          await giveBack(bench, NODE_OVERLAY_IPS, 'n1.default');
          await giveBack(bench, OVERLAY_POOLS, 'default');
        }, 2_500);
        const { status, out, err } = await cleanup(bench, 30);
        assert.equal(
          out.replaceAll(/^- /gm, ''),
          'staticroutes r\noverlaypools default\nnodeoverlayips n1.older\nnodeoverlayips n2.default\nthe cluster is clean: 4 resources deleted\n',
        );
        assert.deepEqual([status, err], [EXIT.ok, '']);
        assert.deepEqual(await names(bench, OVERLAY_POOLS), []);
      },
    ));

  it('deletes what comes to light when its pool has gone', () =>
    withCluster(
      [held('default', entry('192.168.100.4 n1')), overlayIP('n1 192.168.100.4', 'default', { finalizers: [] })],
      async (bench) => {
        setTimeout(() => void giveBack(bench, OVERLAY_POOLS, 'default'), 2_200);
        const { status, out } = await cleanup(bench, 30);
        assert.equal(status, EXIT.ok);
        assert.equal(out, '- overlaypools default\n- nodeoverlayips n1.default\nthe cluster is clean: 2 resources deleted\n');
      },
    ));

  it('fails in time with the reason that the controller gives, and says how to go on', () =>
    withCluster(
      [
        held('default', entry('192.168.100.4 n1'), entry('192.168.100.5 n2')),
        overlayIP('n1 192.168.100.4', 'default', { ready: 'ReleaseFailed' }),
      ],
      async (bench) => {
        const { status, err } = await cleanup(bench, 0);
        assert.equal(status, EXIT.failed);
        assert.equal(
          err,
          'after 0 s these addresses are not given back: OverlayPool default with 2 addresses, NodeOverlayIP n1.default (ReleaseFailed: ReleaseFailed it is); ' +
            'see that the controller runs and what it says, or let go of it with --force\n',
        );
        assert.deepEqual(await names(bench, OVERLAY_POOLS), ['default']);
      },
    ));

  it('says what it waits for', () =>
    withCluster([held('default', entry('192.168.100.4 n1'))], async (bench) => {
      const { err } = await cleanup(bench, 6);
      assert.match(err, /^waiting for OverlayPool default with 1 address\nafter 6 s these addresses are not given back: /);
    }));

  it('lets go with --force, and says what it leaves behind', () =>
    withCluster(
      [
        held('default', entry('192.168.100.4 n1'), entry('192.168.100.5 n2', { releasing: true, record: '105' })),
        overlayIP('n1 192.168.100.4', 'default', { record: '104', ready: 'ReleaseFailed' }),
      ],
      async (bench) => {
        const { status, err } = await cleanup(bench, 0, '--force');
        assert.equal(status, EXIT.failed);
        assert.deepEqual(err.trimEnd().split('\n').slice(1), [
          'left behind: 192.168.100.4 of node n1 may still be recorded at https://ipam.example.org (record 104, subnet 192.168.100.0/24): delete the record there',
          'left behind: 192.168.100.5 of node n2 may still be recorded at https://ipam.example.org (record 105, subnet 192.168.100.0/24): delete the record there',
          'left behind: node n1 may still have 192.168.100.4 on its device tmp0: where no agent runs, run "fairlead cleanup" there',
          'left behind: node n2 may still have 192.168.100.5 on its device tmp0: where no agent runs, run "fairlead cleanup" there',
        ]);
        assert.deepEqual([await names(bench, OVERLAY_POOLS), await names(bench, NODE_OVERLAY_IPS)], [[], []]);
      },
    ));

  it('takes off its own finalizer only, and tries again when somebody writes at the same time', () =>
    withCluster(
      [
        held('default', entry('192.168.100.4 n1')),
        overlayIP('n1 192.168.100.4', 'default', { finalizers: [...FINALIZERS, 'example.org/mine'] }),
      ],
      async (bench) => {
        let others = 0;
        bench.apiBefore = async ({ verb, resource }) => {
          if (verb !== 'replace' || resource !== 'nodeoverlayips' || others++ > 2) return;
          const object = await bench.api.get(NODE_OVERLAY_IPS, { name: 'n1.default' });
          await bench.api.replace(NODE_OVERLAY_IPS, { ...object, metadata: { ...object.metadata, labels: { others: String(others) } } });
        };
        await cleanup(bench, 0, '--force');
        const [left] = (await bench.api.list(NODE_OVERLAY_IPS)).items;
        assert.deepEqual([left?.metadata.finalizers, others], [['example.org/mine'], 4]);
      },
    ));

  it('needs nothing of them where the kinds are not known', () =>
    withCluster([route], async (bench) => {
      bench.api.withdraw(OVERLAY_POOLS);
      bench.api.withdraw(NODE_OVERLAY_IPS);
      assert.equal((await cleanup(bench, 0, '--force')).status, EXIT.ok);
    }));

  it('says which rights --force needs', () =>
    withCluster([held('default', entry('192.168.100.4 n1'))], async (bench) => {
      bench.apiBefore = ({ verb, resource }) => {
        if (verb === 'replace') throw new ApiError(`cannot update ${resource}: forbidden`, { status: 403, reason: 'Forbidden' });
      };
      await assert.rejects(
        cleanup(bench, 0, '--force'),
        /forbidden: ask for the right to get, update and delete overlaypools and nodeoverlayips$/,
      );
    }));

  it('has --force for clusters only', () =>
    Bench.with(async (bench) => {
      await assert.rejects(
        bench.run('cleanup', '--force'),
        (error) => error instanceof UsageError && /--force belongs to --cluster/.test(error.message),
      );
    }));
});

describe('what is left behind', () => {
  const inDevice = (more: OverlayIPText): readonly string[] =>
    leftBehind({ pools: [], overlayIPs: [overlayIP('n1 192.168.100.4', 'default', more)] });
  const device = 'node n1 may still have 192.168.100.4 on its device tmp0: where no agent runs, run "fairlead cleanup" there';

  it('is no record where the pool itself gives the addresses', () => {
    assert.deepEqual(leftBehind({ pools: [pool('default', [entry('192.168.100.4 n1')])], overlayIPs: [] }), [device]);
  });

  it('is no device where the agent has said that it is gone', () => {
    assert.deepEqual(inDevice({ device: 'Removed' }), []);
    for (const reason of ['InPlace', 'DeviceTaken']) assert.deepEqual(inDevice({ device: reason }), [device]);
  });

  it('is an address that the ledger does not have yet, too', () => {
    const pools = [pool('default', [], { ipam: phpIPAM() })];
    assert.deepEqual(leftBehind({ pools, overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { device: 'Removed' })] }), [
      '192.168.100.4 of node n1 may still be recorded at https://ipam.example.org: delete the record there',
    ]);
  });

  it('is said of what cannot be read, as far as that goes', () => {
    const broken = { ...pool('default', []), spec: {} };
    const unnamed = { ...overlayIP('n1 192.168.100.4'), spec: {} };
    const lines = leftBehind({ pools: [broken], overlayIPs: [unnamed] });
    assert.match(lines[0] ?? '', /^what its ledger has: OverlayPool default cannot be read: /);
    assert.match(lines[1] ?? '', /^its address: NodeOverlayIP n1\.default cannot be read: /);
    assert.equal(lines.length, 2);
  });
});
