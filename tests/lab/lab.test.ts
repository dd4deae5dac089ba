import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseCounters } from './host.ts';
import { Lab } from './lab.ts';
import { CommandFailed, Running } from './process.ts';
import { pidsInside, RECORDS } from './record.ts';
import { hostNames, linkBatch, type Topology } from './topology.ts';
import { echoUdp, httpGet, serveHttp, streamUdp } from './traffic.ts';

/** Two networks with a router between them; the left one is a segment. */
const ROUTED: Topology = {
  hosts: {
    left: { routes: ['default via 10.1.0.1', 'default via fd00:1::1'], sysctls: { 'net.ipv4.conf.all.rp_filter': 1 } },
    router: { forwarding: true },
    right: { routes: ['default via 10.2.0.1', 'default via fd00:2::1'] },
  },
  links: [
    { name: 'lan', bridge: true, ends: { 'left:eth0': ['10.1.0.2/24', 'fd00:1::2/64'], 'router:eth0': ['10.1.0.1/24', 'fd00:1::1/64'] } },
    { name: 'wire', ends: { 'router:eth1': ['10.2.0.1/24', 'fd00:2::1/64'], 'right:eth0': ['10.2.0.2/24', 'fd00:2::2/64'] } },
  ],
};

describe('a topology carries packets', () => {
  test('at once, IPv4 and IPv6, through a bridge and a router', async () => {
    await using lab = await Lab.create(ROUTED);
    for (const address of ['10.2.0.2', 'fd00:2::2']) {
      assert.deepEqual(await lab.host('left').ping(address), { sent: 3, received: 3 });
    }
    assert.equal(await lab.host('router').counter('IpForwDatagrams'), 6);
    assert.equal(await lab.host('router').counter('Ip6OutForwDatagrams'), 6);
  });

  test('a packet that is not answered counts as lost', async () => {
    await using lab = await Lab.create(ROUTED);
    assert.deepEqual(await lab.host('left').ping('10.2.0.99', { count: 2 }), { sent: 2, received: 0 });
  });

  test('HTTP names the caller, and says why it failed', async () => {
    await using lab = await Lab.create(ROUTED);
    await serveHttp(lab.host('right'), '10.2.0.2', 80);
    await serveHttp(lab.host('right'), 'fd00:2::2', 80);
    assert.deepEqual(await httpGet(lab.host('left'), '10.2.0.2', 80), { status: 200, body: 'right answers 10.1.0.2' });
    assert.deepEqual(await httpGet(lab.host('left'), 'fd00:2::2', 80), { status: 200, body: 'right answers fd00:1::2' });
    assert.match(JSON.stringify(await httpGet(lab.host('left'), '10.2.0.2', 81)), /ECONNREFUSED/);
  });

  test('a stream counts its lost packets by number', async () => {
    await using lab = await Lab.create(ROUTED);
    const left = lab.host('left');
    await echoUdp(lab.host('right'), '10.2.0.2', 7);
    const whole = await streamUdp(left, '10.2.0.2', 7);
    await left.ping('10.1.0.1', { count: 10 });
    const { sent, received, lost } = await whole.stop();
    assert.ok(sent > 50, `${sent} packets in 100 ms or more`);
    assert.deepEqual({ received, lost }, { received: sent, lost: [] });

    const broken = await streamUdp(left, '10.2.0.2', 7);
    await left.ip('route del default');
    await left.ping('10.1.0.1', { count: 10 });
    const result = await broken.stop();
    assert.ok(result.lost.length > 50 && result.lost.length + result.received === result.sent, JSON.stringify(result));
  });
});

describe('a host', () => {
  test('has the sysctls of the topology, and no others that decide about packets', async () => {
    await using lab = await Lab.create(ROUTED);
    const left = lab.host('left');
    assert.equal(await left.sysctl('net.ipv4.conf.all.rp_filter'), '1');
    assert.equal(await left.sysctl('net.ipv4.conf.eth0.rp_filter'), '0');
    assert.equal(await left.sysctl('net.ipv4.ip_forward'), '0');
    await left.setSysctl('net.ipv4.conf.eth0.rp_filter', 2);
    assert.equal(await left.sysctl('net.ipv4.conf.eth0.rp_filter'), '2');
  });

  test('captures what passes a device', async () => {
    await using lab = await Lab.create(ROUTED);
    const capture = await lab.host('router').capture('eth1', 'icmp and src 10.1.0.2');
    await lab.host('left').ping('10.2.0.2', { count: 4 });
    const lines = await capture.stop();
    assert.equal(lines.length, 4, lines.join('\n'));
    assert.match(lines[0] ?? '', /10\.1\.0\.2 > 10\.2\.0\.2: ICMP echo request/);
  });

  test('reports the exit status and words of a command', async () => {
    await using lab = await Lab.create(ROUTED);
    const left = lab.host('left');
    assert.deepEqual(await left.run('sh', '-c', 'echo out; echo err >&2; exit 7'), { stdout: 'out\n', stderr: 'err\n', code: 7 });
    assert.equal((await left.run('sh', '-c', 'kill -9 $$')).code, 137);
    await assert.rejects(
      left.ip('route add 10.9.0.0/16 via 172.16.0.1'),
      (error) => error instanceof CommandFailed && /gateway/.test(error.message),
    );
    await assert.rejects(left.counter('NoSuchCounter'), /left: the kernel has no counter NoSuchCounter/);
    assert.throws(() => lab.host('middle'), /no host "middle"; there are left, router, right, switch/);
  });
});

describe('a lab leaves nothing', () => {
  test('when its scope ends: no namespace, process, file or record', async () => {
    let names: readonly string[] = [];
    let folder = '';
    {
      await using lab = await Lab.create(ROUTED);
      names = hostNames(ROUTED).map((name) => lab.host(name).namespace);
      folder = lab.folder;
      writeFileSync(join(folder, 'file'), '');
      lab.host('left').spawn('sh', '-c', 'sleep 600 & sleep 600');
      assert.equal((await namespaces()).filter((name) => names.includes(name)).length, 4);
      assert.ok(recordsOf(process.pid).length > 0);
    }
    assert.deepEqual(
      (await namespaces()).filter((name) => names.includes(name)),
      [],
    );
    assert.deepEqual(pidsInside(names), []);
    assert.equal(existsSync(folder), false);
    assert.deepEqual(recordsOf(process.pid), []);
  });

  test('when its topology is impossible', async () => {
    const end = { 'a:eth0': ['10.0.0.1/33'], 'b:eth0': [] };
    await assert.rejects(Lab.create({ hosts: { a: {}, b: {} }, links: [{ name: 'wire', ends: end }] }), /10\.0\.0\.1\/33/);
    assert.deepEqual(recordsOf(process.pid), []);
  });

  test('when its process is ended by a signal, which still ends it', async () => {
    const orphan = await startOrphan();
    orphan.child.kill('SIGTERM');
    assert.equal((await orphan.child.ended).code, 128 + 15);
    assert.deepEqual(
      (await namespaces()).filter((name) => orphan.namespaces.includes(name)),
      [],
    );
    assert.equal(existsSync(`/proc/${orphan.pid}/ns/net`), false);
  });

  test('when its process was killed, as soon as another lab is made', async () => {
    const orphan = await startOrphan();
    orphan.child.kill('SIGKILL');
    await orphan.child.ended;
    assert.deepEqual((await namespaces()).filter((name) => orphan.namespaces.includes(name)).length, 2, 'nothing to sweep');
    assert.deepEqual(pidsInside(orphan.namespaces), [orphan.pid]);

    await using lab = await Lab.create(ROUTED);
    assert.ok((await namespaces()).includes(lab.host('left').namespace));
    assert.deepEqual(
      (await namespaces()).filter((name) => orphan.namespaces.includes(name)),
      [],
    );
    assert.equal(existsSync(`/proc/${orphan.pid}/ns/net`), false);
    assert.deepEqual(recordsOf(orphan.child.pid), []);
  });

  test('and does not touch the lab of a living process', async () => {
    const other = await startOrphan();
    await using lab = await Lab.create(ROUTED);
    assert.notEqual(lab.host('left').namespace, other.namespaces[0]);
    assert.equal((await namespaces()).filter((name) => other.namespaces.includes(name)).length, 2);
    assert.deepEqual(pidsInside(other.namespaces), [other.pid]);
    other.child.kill('SIGTERM');
    await other.child.ended;
  });
});

test('counters are read from all three files of the kernel', () => {
  const text = 'TcpExt: A IPReversePathFilter\nTcpExt: 1 20\nIp: ForwDatagrams\nIp: 300\nIp6InReceives \t4000\n';
  const counters = parseCounters(text);
  assert.deepEqual(
    [counters.get('TcpExtIPReversePathFilter'), counters.get('IpForwDatagrams'), counters.get('Ip6InReceives')],
    [20, 300, 4000],
  );
});

test('the two ends of a link never share an interface index', () => {
  const indexes = [...linkBatch(ROUTED, (host) => host).matchAll(/index (\d+)/g)].map((match) => match[1]);
  assert.equal(indexes.length, 6);
  assert.equal(new Set(indexes).size, 6);
});

async function startOrphan(): Promise<{ child: Running; namespaces: readonly string[]; pid: number }> {
  const child = new Running(process.execPath, [join(import.meta.dirname, 'tools', 'orphan.ts')]);
  await child.printed(/\n/);
  return { child, ...(JSON.parse(child.stdout) as { namespaces: string[]; pid: number }) };
}

async function namespaces(): Promise<readonly string[]> {
  const list = new Running('ip', ['netns', 'list']);
  return (await list.ended).stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
}

function recordsOf(pid: number): readonly string[] {
  return readdirSync(RECORDS).filter((name) => name.startsWith(`${pid}-`));
}
