import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { fileSysctlMemory, SYSCTL_FILE } from '../../src/agent/memory.ts';
import { EXIT, LOCK_NAME } from '../../src/cli/command.ts';
import { LAST_GOOD_FILE, REPORT_FILE } from '../../src/cluster/cluster.ts';
import type { Route } from '../../src/core/route.ts';
import { CommandFailed } from '../../src/runtime/config.ts';
import { tryLock } from '../../src/runtime/instance-lock.ts';
import { address, ETH1, link, route } from '../core/builders.ts';
import { Bench, type Ran } from './support.ts';

/** These share one file because the lock is one per network namespace: files run side by side, tests of a file do not. */

const LINE = '192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201';
const apply = (bench: Bench): Promise<Ran> => bench.run('apply', '--manifests', 'x', ...bench.here);

/** While somebody else is at work in this network namespace. */
async function whileHeld(role: string, use: () => Promise<void>): Promise<void> {
  const lock = await tryLock(LOCK_NAME, { pid: 4711, node: 'n9', role });
  assert.ok('release' in lock);
  try {
    await use();
  } finally {
    await lock.release();
  }
}

describe('apply', () => {
  it('does one round, writes the report and lets go of the lock', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      const { status, out } = await apply(bench);
      assert.equal(status, EXIT.ok);
      assert.match(out, /INFO {2}node n1: 1 of 1 changes applied in [\d.]+ ms: \+ 192\.168\.50\.0\/24/);
      assert.equal(bench.cluster.reports.length, 1);
      assert.equal((await apply(bench)).status, EXIT.ok);
    }));

  it('fails when a resource is not ready', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'], via: { device: 'eth9' } });
      assert.equal((await apply(bench)).status, EXIT.failed);
    }));

  it('fails when something could not be read', () =>
    Bench.with(async (bench) => {
      bench.cluster.world.put({ kind: 'Nonsense', metadata: { name: 'x' } });
      assert.equal((await apply(bench)).status, EXIT.failed);
    }));

  it('writes its log as JSON when asked', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      const { out } = await bench.run('apply', '--manifests', 'x', '--log', 'json', ...bench.here);
      const lines = out.trim().split('\n');
      for (const line of lines) assert.deepEqual(Object.keys(JSON.parse(line) as object), ['time', 'level', 'msg']);
      assert.ok(lines.length > 0);
    }));

  it('refuses to work beside an agent, or without the right to', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      await whileHeld('agent', () =>
        assert.rejects(apply(bench), {
          name: 'CommandFailed',
          message: 'fairlead agent of node n9 (pid 4711) works in this network namespace: stop it first ("kill 4711")',
        }),
      );
      bench.kernel.lacks = 'NET_ADMIN is missing: run as root';
      await assert.rejects(apply(bench), { name: 'CommandFailed', message: 'NET_ADMIN is missing: run as root' });
      assert.deepEqual(bench.kernel.log, []);
    }));

  it('does not advise to kill a holder that it knows nothing of', () =>
    Bench.with(async (bench) => {
      const server = createServer((socket) => void socket.end('nonsense\n'));
      await new Promise<void>((resolve) => server.listen(`\0${LOCK_NAME}`, resolve));
      await assert.rejects(apply(bench), {
        name: 'CommandFailed',
        message:
          'a process that does not answer works in this network namespace: stop it first ("ss -xlp | grep @fairlead-agent" finds it)',
      });
      await new Promise((resolve) => server.close(resolve));
    }));

  it('takes no name for a node that Kubernetes would not allow', () =>
    Bench.with(async (bench) => {
      const ran = bench.run('apply', '--manifests', 'x', '--node', 'Node_1');
      await assert.rejects(ran, { name: 'UsageError', message: /^--node: "Node_1" is not a name .*: write node-1$/ });
    }));

  it('says in one line that the kernel does not answer', () =>
    Bench.with(async (bench) => {
      bench.kernel.setUnavailable('the netlink socket is gone');
      await assert.rejects(apply(bench), {
        name: 'CommandFailed',
        message: 'the kernel does not answer: the netlink socket is gone; try again',
      });
    }));
});

describe('cleanup', () => {
  const cleanup = (bench: Bench): Promise<Ran> => bench.run('cleanup', ...bench.here);

  it('removes what is ours from kernel and disk, says what, and leaves the rest', () =>
    Bench.with(async (bench) => {
      bench.kernel.setRpFilter('eth1', 1);
      bench.put('a', { subnets: ['192.168.50.0/24'], reversePath: 'Loose' });
      await apply(bench);
      await mkdir(bench.path('status'));
      for (const file of [bench.path('status', REPORT_FILE), bench.path('state', LAST_GOOD_FILE), bench.path('state', 'theirs')]) {
        await writeFile(file, '{}');
      }
      const before = (await bench.kernel.observe()).facts.routes;
      const { status, out, err } = await cleanup(bench);
      assert.deepEqual([status, err], [EXIT.ok, '']);
      assert.equal(
        out,
        `- ${LINE}
~ net.ipv4.conf.eth1.rp_filter = 1   # was 2
- ${bench.path('state', LAST_GOOD_FILE)}
- ${bench.path('state', SYSCTL_FILE)}
- ${bench.path('status', REPORT_FILE)}
node n1 is clean: 2 kernel objects and 3 files removed
`,
      );
      const { facts, owned } = await bench.kernel.observe();
      assert.equal(owned.size, 0);
      assert.deepEqual(facts.routes, before);
      assert.equal(facts.links.find(({ name }) => name === 'eth1')?.rpFilter, 1);
      assert.ok(existsSync(bench.path('state', 'theirs')));
      assert.ok(!existsSync(bench.path('status')), 'a folder that is empty goes');
    }));

  it('has nothing to do the second time', () =>
    Bench.with(async (bench) => {
      assert.deepEqual(await cleanup(bench), { status: EXIT.ok, out: 'nothing of ours was left on node n1\n', err: '' });
    }));

  it('names what the kernel keeps, fails, and keeps the memory of sysctls for the next try', () =>
    Bench.with(async (bench) => {
      bench.kernel.addRoute(route('192.168.50.0/24', '10.1.0.1', ETH1, { protocol: 201, metric: 4201 }));
      const memory = fileSysctlMemory(bench.path('state'));
      await memory.save([{ device: { index: 7, name: 'eth7' }, name: 'rp_filter', previous: 1, value: 2 }]);
      bench.kernel.failNext('EBUSY', 'Device or resource busy');
      const { status, err } = await cleanup(bench);
      assert.equal(status, EXIT.failed);
      assert.equal(err, `not removed: - ${LINE}: Device or resource busy (EBUSY)\n`);
      assert.equal((await memory.load()).sysctls.length, 1);
    }));

  it('leaves a sysctl alone that somebody has changed since', () =>
    Bench.with(async (bench) => {
      const entry = { device: { index: 3, name: 'eth1' }, name: 'rp_filter', previous: 1, value: 2 } as const;
      await fileSysctlMemory(bench.path('state')).save([entry]);
      assert.match((await cleanup(bench)).out, /^- .*sysctls\.json\nnode n1 is clean: 0 kernel objects and 1 file removed\n$/);
      assert.equal(link(3, 'eth1').rpFilter, (await bench.kernel.observe()).facts.links.find(({ name }) => name === 'eth1')?.rpFilter);
    }));

  it('removes what carries our mark in other forms, and names what the kernel keeps', () =>
    Bench.with(async (bench) => {
      const hops = ['10.1.0.1', '10.1.0.2'].map((gateway) => ({
        gateway: address(gateway),
        device: { index: 3, name: 'eth1' },
        onLink: false,
      }));
      const marked = (to: string): Route => route(to, undefined, ETH1, { protocol: 201, metric: 4201, hops });
      bench.kernel.addRoute(marked('192.168.50.0/24'));
      bench.kernel.addRoute(marked('192.168.51.0/24'));
      bench.kernel.keeps = ['192.168.51.0/24'];
      const text = (to: string): string => `${to} nexthop via 10.1.0.1 dev eth1 nexthop via 10.1.0.2 dev eth1 proto 201 metric 4201`;
      const first = await cleanup(bench);
      assert.deepEqual([first.status, first.out], [EXIT.failed, `- ${text('192.168.50.0/24')}\n`]);
      assert.equal(first.err, `not removed: ${text('192.168.51.0/24')}: remove it with "ip route del ${text('192.168.51.0/24')}"\n`);
      bench.kernel.keeps = [];
      const second = await cleanup(bench);
      assert.equal(second.out, `- ${text('192.168.51.0/24')}\nnode n1 is clean: 1 kernel object and 0 files removed\n`);
    }));

  it('leaves a device under our mark that it could not have made, and says what to do', () =>
    Bench.with(async (bench) => {
      bench.kernel.setLinkAlias('eth1', 'fairlead:default');
      const { status, out, err } = await cleanup(bench);
      assert.deepEqual([status, out], [EXIT.failed, '']);
      assert.equal(
        err,
        'not removed: device eth1 alias fairlead:default: remove it with "ip link del dev eth1"; or, when it is not Fairlead\'s, take the mark off: ' +
          "ip link set dev eth1 alias ''\n",
      );
    }));

  it('says what it cannot restore, keeps it, and fails', () =>
    Bench.with(async (bench) => {
      const path = bench.path('state', SYSCTL_FILE);
      await fileSysctlMemory(bench.path('state')).save([]);
      await writeFile(path, '{');
      await writeFile(`${path}.damaged`, '{');
      for (let time = 0; time < 2; time++) {
        const { status, out, err } = await cleanup(bench);
        assert.deepEqual([status, out], [EXIT.failed, '']);
        assert.match(
          err,
          /sysctls\.json is damaged: .*then delete the file\n.*sysctls\.json\.damaged may name sysctls .* then delete the file\n$/,
        );
      }
      assert.ok(existsSync(path));
    }));

  it('refuses while an agent is at work', () =>
    Bench.with(async (bench) => {
      await whileHeld('agent', () => assert.rejects(cleanup(bench), CommandFailed));
    }));
});

describe('status', () => {
  const status = (bench: Bench, ...args: readonly string[]): Promise<Ran> => bench.run('status', ...bench.here, ...args);

  /** The report that a round over the present world makes, in the file. */
  async function report(bench: Bench): Promise<void> {
    await apply(bench);
    await mkdir(bench.path('status'), { recursive: true });
    await writeFile(bench.path('status', REPORT_FILE), stringify(bench.cluster.reports.at(-1)));
  }

  it('is a table, with status 0 when all is well', () =>
    Bench.with(async (bench) => {
      bench.put('on-prem', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      bench.put('closed', { subnets: ['198.51.100.0/24'], via: { unreachable: {} } });
      await report(bench);
      const ran = await status(bench);
      assert.equal(ran.status, EXIT.ok);
      assert.match(ran.out, /^node n1: 2\/2 ready; last sync \d+ s ago; no agent is running in this network namespace\n\n/);
      assert.match(ran.out, /\n {0}KIND +NAME +ROUTES +GATEWAY +DEVICE +READY +REASON\n/);
      assert.match(ran.out, /\nStaticRoute +closed +1 +- +- +True +Ready\n/);
      assert.match(ran.out, /\nStaticRoute +on-prem +2 +10\.1\.0\.1 +eth1 +True +Ready\n/);
    }));

  it('has status 2 for a report that is too old to say anything, and says so', () =>
    Bench.with(async (bench) => {
      bench.put('on-prem', { subnets: ['192.168.50.0/24'] });
      await report(bench);
      const path = bench.path('status', REPORT_FILE);
      const old = new Date(Date.now() - 301_000).toISOString();
      await writeFile(path, (await readFile(path, 'utf8')).replace(/lastSync: .*/, `lastSync: ${old}`));
      const ran = await status(bench);
      assert.equal(ran.status, EXIT.found);
      assert.match(ran.out, /^stale: the agent renews this every two minutes, so it says nothing about now: start the agent$/m);
    }));

  it('shows what is wrong, with status 2', () =>
    Bench.with(async (bench) => {
      bench.put('bad', { subnets: ['192.168.50.0/24'], via: { device: 'eth9' } });
      bench.cluster.world.put({ kind: 'Nonsense', metadata: { name: 'x' } });
      await report(bench);
      const ran = await status(bench);
      assert.equal(ran.status, EXIT.found);
      assert.match(ran.out, /StaticRoute +bad +0 +- +- +False +DeviceMissing: node n1 has no device eth9/);
      assert.match(ran.out, /\nproblems\n {2}Nonsense x: "Nonsense" has no apiVersion/);
    }));

  it('keeps to one line per resource, however much is wrong with it', () =>
    Bench.with(async (bench) => {
      bench.put('bad', { subnets: ['192.168.1.1/24', '192.168.2.2/24'] });
      await report(bench);
      const { out } = await status(bench);
      assert.match(out, /StaticRoute +bad .*InvalidSpec: .*192\.168\.1\.0\/24.*; .*192\.168\.2\.0\/24/);
    }));

  it('has status 2 while the source is incomplete, and says that nothing is removed', () =>
    Bench.with(async (bench) => {
      bench.cluster.world.setAvailable(false);
      await report(bench);
      const ran = await status(bench);
      assert.equal(ran.status, EXIT.found);
      assert.match(ran.out, /\nincomplete: nothing is removed: the fake cluster is away/);
    }));

  it('shows what was undone from outside; that alone is no problem', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      await apply(bench);
      bench.kernel.deleteRoute(route('192.168.50.0/24', '10.1.0.1', ETH1, { metric: 4201 }));
      bench.kernel.micros += 321;
      await report(bench);
      const ran = await status(bench);
      assert.equal(ran.status, EXIT.ok);
      assert.match(
        ran.out,
        /\nundone from outside\n {2}route 192\.168\.50\.0\/24 metric 4201 {2}1x {2}\d+ s ago {2}restored in 321 us {2}StaticRoute a: deleted by outsider \(4711\)\n/,
      );
    }));

  it('names the agent that is running', () =>
    Bench.with(async (bench) => {
      await report(bench);
      await whileHeld('agent', async () =>
        assert.match((await status(bench)).out, /; fairlead agent of node n9 \(pid 4711\) is running\n$/),
      );
    }));

  it('prints the whole report for machines', () =>
    Bench.with(async (bench) => {
      bench.put('a', { subnets: ['192.168.50.0/24'] });
      await report(bench);
      const ran = await status(bench, '-o', 'json');
      assert.deepEqual(JSON.parse(ran.out), JSON.parse(JSON.stringify(bench.cluster.reports.at(-1))));
    }));

  const broken: readonly (readonly [string, RegExp])[] = [
    ['a: [', /nodereport\.yaml is not YAML: /],
    ['just text', /nodereport\.yaml is not a NodeReport: /],
    ['', /nodereport\.yaml is not a NodeReport: /],
    ['a: *nobody', /nodereport\.yaml is not YAML: /],
  ];
  for (const [text, message] of broken) {
    it(`says what is wrong with a report file that holds "${text}"`, () =>
      Bench.with(async (bench) => {
        await mkdir(bench.path('status'));
        await writeFile(bench.path('status', REPORT_FILE), text);
        await assert.rejects(status(bench), (error: unknown) => {
          assert.ok(error instanceof CommandFailed, String(error));
          assert.match(error.message, message);
          return true;
        });
      }));
  }

  it('says what to do when there is no report', () =>
    Bench.with((bench) =>
      assert.rejects(status(bench), /^CommandFailed: there is no report at .*: start "fairlead agent", or name its folder/),
    ));
});
