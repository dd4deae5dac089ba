import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Drift } from '../../src/core/change.ts';
import { type Link, linkNamed } from '../../src/core/facts.ts';
import type { ResourcePlan } from '../../src/core/plan.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import type { DeviceRef } from '../../src/core/route.ts';
import {
  addAddress,
  describeDrift,
  driftAfter,
  link,
  made,
  OVERLAY_ADDRESSES,
  ourAddresses,
  overlay,
  planned,
  plannedAddress,
  removeLink,
} from '../../src/kernel/contract/device-support.ts';
import { codes, lan, listen, succeed } from '../../src/kernel/contract/support.ts';
import { identity, node, snapshot } from '../core/builders.ts';
import { overlayIP, pool } from '../core/overlay-builders.ts';
import { Namespace } from './namespace.ts';

const HANG = { timeout: 60_000 };
const LINUX = join(import.meta.dirname, '../../src/kernel/linux');

let space: Namespace;
beforeEach(async () => {
  space = await Namespace.create();
});
afterEach(() => space.close());

describe('devices of ours in the real kernel', HANG, () => {
  test('what `ip` says about one', async () => {
    const device = await overlay(space);
    const shown = await space.ip('-d', 'link', 'show', 'tmp0');
    for (const words of [/tmp0@left: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500/, /macvlan mode bridge/, /alias fairlead:default/]) {
      assert.match(shown, words);
    }
    assert.match(shown, / group default /);
    assert.ok(shown.includes(`link/ether ${device.mac}`));
    const addresses = await space.ip('addr', 'show', 'tmp0');
    assert.match(addresses, /inet 192\.168\.100\.4\/24 scope global tmp0\n/);
    assert.match(addresses, /inet6 2001:db8:100::4\/64 scope global/);
  });

  test('a name that another device has beside its own is taken: that device is not touched, and nothing is left', async () => {
    const parent = await lan(space);
    await space.addLink('right');
    await space.ip('link', 'property', 'add', 'dev', 'right', 'altname', 'tmp0');
    const before = await space.reread();
    // The view does not know such names, so the kernel itself refuses the first of the messages.
    assert.deepEqual(codes(await space.kernel.apply([{ op: 'add-link', link: planned(parent) }])), ['EEXIST']);
    assert.deepEqual((await space.reread()).facts.links, before.facts.links);
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('a device that cannot be marked is taken away again, and the failure has the words of the kernel', async () => {
    const parent = await lan(space);
    const before = (await space.kernel.observe()).facts.links;
    const failures = await space.kernel.apply([{ op: 'add-link', link: planned(parent, { pool: 'x'.repeat(300) }) }]);
    assert.deepEqual(codes(failures), ['ERANGE']);
    for (const { facts } of [await space.kernel.observe(), await space.reread()]) assert.deepEqual(facts.links, before);
    assert.deepEqual(space.kernel.takeDrift(), []);
    await succeed(space.kernel, [{ op: 'add-link', link: planned(parent) }]);
  });

  for (const [way, remove] of Object.entries({
    removing: (address: ReturnType<typeof plannedAddress>) => succeed(space.kernel, [{ op: 'remove-address', address }]),
    purging: () => space.kernel.purge(),
  })) {
    test(`${way} ours leaves the node’s own address of the same network, though ours came first`, async () => {
      const parent = await space.addLink('left');
      await space.ip('link', 'set', 'left', 'up');
      const address = plannedAddress(parent, '10.1.0.50/24');
      await succeed(space.kernel, [{ op: 'add-address', address }]);
      await space.ip('addr', 'add', '10.1.0.10/24', 'dev', 'left');
      assert.match(await space.ip('addr', 'show', 'left'), /10\.1\.0\.10\/24 scope global secondary/);
      await remove(address);
      const { facts } = await space.reread();
      assert.deepEqual(
        facts.addresses
          .filter(({ device, address: { family } }) => device.name === 'left' && family === 4)
          .map((held) => held.address.text),
        ['10.1.0.10'],
      );
      assert.deepEqual(space.kernel.takeDrift(), []);
    });
  }

  test('a parent that is a port of a bridge carries none, and the kernel says why', async () => {
    const parent = await space.addLink('left');
    await space.ip('link', 'add', 'br0', 'type', 'bridge');
    await space.ip('link', 'set', 'left', 'master', 'br0');
    const [failure] = await space.kernel.apply([{ op: 'add-link', link: planned(parent) }]);
    assert.deepEqual([failure?.code, failure?.message], ['EBUSY', 'the parent already belongs to a bridge, a bond or the like']);
  });

  test('SIGKILL after any message to the kernel leaves no device without our mark', async () => {
    const parent = await lan(space);
    let sends = 0;
    for (let survived = false; !survived; sends++) {
      const { status, signal, stderr } = makeAndDie(parent, sends + 1);
      survived = status === 0;
      assert.ok(survived || signal === 'SIGKILL', stderr);
      const made = (await space.reread()).facts.links.filter(({ kind }) => kind === 'macvlan');
      assert.deepEqual(
        made.map(({ name, alias, up, arpIgnore }) => [name, alias, up, arpIgnore]),
        [['tmp0', 'fairlead:default', true, 1]],
      );
      assert.deepEqual((await space.kernel.purge()).removed, ['device tmp0 alias fairlead:default']);
    }
    assert.ok(sends > 2);
  });

  test('one that was moved to another namespace is gone for us, and its successor works beside it', async () => {
    const { mac, parent } = await overlay(space);
    const move = (): Promise<string> => space.neighbour().then((other) => space.ip('link', 'set', 'tmp0', 'netns', other));
    assert.deepEqual(await driftAfter(space, () => move().then(() => undefined)), ['LinkDeleted device tmp0']);
    const make = [{ op: 'add-link', link: planned({ index: parent ?? 0, name: 'left' }) }] as const;
    await succeed(space.kernel, make);
    assert.equal((await link(space, 'tmp0')).mac, mac);
    await succeed(space.kernel, [removeLink(await link(space, 'tmp0'))]);
    // Up, it holds its link-layer address on the parent.
    await space.far('ip', 'link', 'set', 'tmp0', 'up');
    await succeed(space.kernel, make);
    const { up, alias, mac: other } = await link(space, 'tmp0');
    assert.deepEqual([up, alias], [true, 'fairlead:default']);
    assert.notEqual(other, mac);
    assert.equal((await space.ip('link')).match(/tmp0/g)?.length, 1);
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('its parent is moved to another namespace: it has none any more', async () => {
    await made(space);
    const other = await space.neighbour();
    const moved = driftAfter(space, () => space.ip('link', 'set', 'left', 'netns', other).then(() => undefined));
    assert.deepEqual(await moved, ['LinkChanged device tmp0']);
    assert.equal((await link(space, 'tmp0')).parent, undefined);
  });

  test('a veth has its other end as parent, unless that is in another namespace', async () => {
    await lan(space);
    const { facts } = await space.kernel.observe();
    const [near, far] = [linkNamed(facts, 'left'), linkNamed(facts, 'left-far')];
    assert.deepEqual([near?.kind, near?.parent, far?.parent], ['veth', far?.index, near?.index]);
    await space.answerFor('left', '10.1.0.2');
    space.kernel.invalidate();
    assert.equal((await link(space, 'left')).parent, undefined);
  });

  test('however early we look while one is deleted, it is one deletion', async () => {
    for (let turn = 0; turn < 15; turn++) {
      if (turn === 0) await overlay(space);
      else await again(space);
      const drift: string[] = [];
      let done = false;
      const look = async (): Promise<void> => {
        await space.kernel.observe();
        drift.push(...space.kernel.takeDrift().map(describeDrift));
      };
      const deleted = space.removeLink(turn % 2 === 0 ? 'tmp0' : 'left').then(() => {
        done = true;
      });
      while (!done) {
        await look();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await deleted;
      await look();
      assert.deepEqual(drift, ['LinkDeleted device tmp0'], `turn ${turn}`);
    }
  });

  test('who deleted an IPv4 address of ours is named, while it lives; of a device the kernel does not say', async () => {
    await overlay(space);
    const outsider = spawn('ip', ['-n', space.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = new Promise((resolve) => outsider.once('close', resolve));
    // It waits for more until its input ends.
    const doer = async (line: string): Promise<readonly string[]> =>
      (await deedsAfter(() => void outsider.stdin.write(`${line}\n`))).map(({ event, process }) => `${event} by ${process}`);
    try {
      assert.deepEqual(await doer('addr del 192.168.100.4/24 dev tmp0'), [`AddressDeleted by ip (${outsider.pid})`]);
      assert.deepEqual(await doer('link del tmp0'), ['LinkDeleted by undefined']);
    } finally {
      outsider.stdin.end();
      await ended;
    }
  });

  test('three hundred devices: made, seen, followed with their parent, taken away', async () => {
    const parent = await lan(space);
    const names = Array.from({ length: 300 }, (_, i) => `tmp${i}`);
    await succeed(
      space.kernel,
      names.map((name) => ({ op: 'add-link', link: planned(parent, { name, pool: name }) })),
    );
    const { facts } = await space.kernel.observe();
    const ours = names.map((name) => linkNamed(facts, name) ?? assert.fail(name));
    assert.equal(new Set(ours.map(({ mac }) => mac)).size, 300);
    await succeed(
      space.kernel,
      ours.map((device, i) => addAddress(device, `192.168.${100 + (i >> 8)}.${i & 255}/32`)),
    );
    assert.deepEqual((await space.reread()).facts.links, (await space.kernel.observe()).facts.links);
    assert.equal((await space.kernel.observe()).facts.addresses.filter((held) => held.ours).length, 300);
    assert.deepEqual(await driftAfter(space, () => space.setLinkMtu('left', 1400)), []);
    assert.ok((await space.kernel.observe()).facts.links.every(({ kind, mtu }) => kind !== 'macvlan' || mtu === 1400));
    assert.deepEqual(await driftAfter(space, () => space.removeLink('left')), names.map((name) => `LinkDeleted device ${name}`).sort());
    assert.equal((await space.kernel.observe()).facts.links.filter(({ kind }) => kind === 'macvlan').length, 0);
  });
});

describe('notifications that did not fit', HANG, () => {
  test('devices and addresses of ours that changed meanwhile are found by reading everything again', async () => {
    await space.close();
    space = await Namespace.create({ queueBytes: 4096 });
    const parent = await lan(space);
    for (const name of ['tmp0', 'tmp1', 'tmp2']) await succeed(space.kernel, [{ op: 'add-link', link: planned(parent, { name }) }]);
    const devices = await Promise.all(['tmp0', 'tmp1', 'tmp2'].map((name) => link(space, name)));
    await succeed(
      space.kernel,
      devices.map((device, i) => addAddress(device, `192.168.10${i}.4/24`)),
    );
    await space.kernel.observe();
    space.kernel.takeDrift();
    const woken = new Promise<void>((resolve) => space.kernel.watch(resolve));
    // Synchronous: this process hears nothing while it happens.
    batch([
      ...Array.from({ length: 200 }, (_, i) => `addr add 10.9.0.${i}/32 dev left`),
      'link del tmp0',
      'link set tmp1 mtu 1300',
      'addr del 192.168.102.4/24 dev tmp2',
      ...Array.from({ length: 200 }, (_, i) => `addr del 10.9.0.${i}/32 dev left`),
    ]);
    await woken;
    await space.kernel.observe();
    assert.deepEqual(space.kernel.takeDrift().map(describeDrift).sort(), [
      'AddressDeleted address 192.168.102.4/24 dev tmp2',
      'LinkChanged device tmp1',
      'LinkDeleted device tmp0',
    ]);
    assert.deepEqual(await driftAfter(space, () => space.removeLink('tmp2')), ['LinkDeleted device tmp2']);
  });
});

describe('addresses of ours in the real kernel', HANG, () => {
  test('an IPv4 label that ends in :fl is somebody else’s business: it stays when everything of ours goes', async () => {
    const parent = await lan(space);
    await space.ip('addr', 'add', '192.168.77.4/24', 'dev', 'left', 'label', 'left:fl');
    assert.deepEqual(await ourAddresses(space, 'left'), []);
    const theirs = plannedAddress(parent, '192.168.77.4/24');
    assert.deepEqual(codes(await space.kernel.apply([{ op: 'remove-address', address: theirs }])), ['ESRCH']);
    assert.deepEqual(await space.kernel.purge(), { removed: [], left: [] });
    assert.match(await space.ip('addr', 'show', 'left'), /inet 192\.168\.77\.4\/24 scope global left:fl\n/);
  });

  test('before Linux 5.18 it is our mark, and stands where it is asked for', async () => {
    await space.close();
    space = await Namespace.create({ release: '5.15.0-100-generic' });
    const parent = await lan(space);
    await space.ip('addr', 'add', '192.168.77.4/24', 'dev', 'left', 'label', 'left:fl');
    await space.ip('addr', 'add', '192.168.78.4/24', 'dev', 'left', 'label', 'left:flx');
    assert.deepEqual(await ourAddresses(space, 'left'), ['192.168.77.4/24']);
    await succeed(space.kernel, [{ op: 'add-address', address: { ...plannedAddress(parent, '192.168.79.4/24'), label: 'left:fl' } }]);
    assert.match(await space.ip('addr', 'show', 'left'), /inet 192\.168\.79\.4\/24 scope global left:fl\n/);
    assert.deepEqual((await space.kernel.purge()).removed, ['address 192.168.77.4/24 dev left', 'address 192.168.79.4/24 dev left']);
  });

  test('before Linux 5.18 the address that the planner wants on a macvlan is read back as ours', async () => {
    await space.close();
    space = await Namespace.create({ release: '5.10.0-26-amd64' });
    await made(space);
    const wanted = { overlayPools: [pool('default', { parent: { name: 'left' } })], nodeOverlayIPs: [overlayIP()] };
    const plan = async (): Promise<ResourcePlan> => {
      const { facts } = await space.kernel.observe();
      const who = identity({ probed: new Map([['left 192.168.100.4', undefined]]) });
      const { plan, problems } = planNode(snapshot([], { nodes: [node('n1')], ...wanted }), facts, who);
      assert.ok(
        problems.every(({ code }) => code === 'OverlayPending'),
        problems[0]?.message,
      );
      return plan.resources[0] ?? assert.fail('nothing is planned');
    };
    const [address] = (await plan()).addresses;
    // As such a kernel keeps it: it takes no notice of IFA_PROTO.
    await space.ip('addr', 'add', `${address?.address}/24`, 'dev', 'tmp0', 'label', address?.label ?? 'none');
    assert.deepEqual(await ourAddresses(space, 'tmp0'), ['192.168.100.4/24']);
    assert.deepEqual((await plan()).addresses, [address]);
  });

  test('an IPv6 address is tentative until nobody has answered for it', async () => {
    const device = await made(space);
    await succeed(space.kernel, [addAddress(device, '2001:db8:100::4/64')]);
    assert.equal(stateOf(await space.kernel.observe()), 'tentative');
    const { facts } = await space.until((seen) => stateOf(seen) !== 'tentative');
    assert.equal(stateOf({ facts }), 'valid');
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('an IPv6 address that somebody has is a duplicate', async () => {
    const device = await made(space);
    await space.answerFor('left', '10.1.0.2');
    await space.far('ip', 'addr', 'add', '2001:db8:100::4/64', 'dev', 'left-far', 'nodad');
    await space.until(({ facts }) => linkNamed(facts, 'tmp0')?.carrier === true);
    await succeed(space.kernel, [addAddress(device, '2001:db8:100::4/64')]);
    const { facts } = await space.until((seen) => stateOf(seen) !== 'tentative');
    assert.equal(stateOf({ facts }), 'duplicate');
    assert.deepEqual(await ourAddresses(space, 'tmp0'), ['2001:db8:100::4/64']);
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('whatever is flushed from a device is reported, each address', async () => {
    await overlay(space);
    assert.deepEqual(
      await driftAfter(space, () => space.ip('addr', 'flush', 'dev', 'tmp0').then(() => undefined)),
      OVERLAY_ADDRESSES.map((text) => `AddressDeleted address ${text} dev tmp0`),
    );
  });
});

/** Another process makes a device; after so many messages to the kernel it is killed. */
function makeAndDie(parent: DeviceRef, sends: number): SpawnSyncReturns<string> {
  const program = `
    import { openLinuxKernel } from ${JSON.stringify(join(LINUX, 'kernel.ts'))};
    import { NetlinkSocket } from ${JSON.stringify(join(LINUX, 'netlink/socket.ts'))};
    const kernel = openLinuxKernel({ netns: '/run/netns/${space.name}' });
    await kernel.observe();
    const { send } = NetlinkSocket.prototype;
    let left = ${sends};
    NetlinkSocket.prototype.send = function (...message) {
      send.apply(this, message);
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
    };
    await kernel.apply([{ op: 'add-link', link: ${JSON.stringify(planned(parent))} }]);
    process.exit(0);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
}

/** The first drift after something that is done while we go on. */
async function deedsAfter(disturb: () => void): Promise<readonly Drift[]> {
  const news = listen(space.kernel);
  let woken = news.next();
  disturb();
  for (;;) {
    await woken;
    woken = news.next();
    await space.kernel.observe();
    const drift = space.kernel.takeDrift();
    if (drift.length > 0) return drift;
  }
}

/** The parent may have gone with the device. */
async function again(namespace: Namespace): Promise<Link> {
  const { facts } = await namespace.kernel.observe();
  if (!linkNamed(facts, 'left')) return overlay(namespace);
  const parent = await link(namespace, 'left');
  await succeed(namespace.kernel, [{ op: 'add-link', link: planned(parent) }]);
  const device = await link(namespace, 'tmp0');
  await succeed(
    namespace.kernel,
    OVERLAY_ADDRESSES.map((text) => addAddress(device, text)),
  );
  await namespace.kernel.observe();
  return device;
}

function stateOf({ facts }: Pick<Awaited<ReturnType<Namespace['reread']>>, 'facts'>): string | undefined {
  return facts.addresses.find(({ address }) => address.text === '2001:db8:100::4')?.state;
}

function batch(lines: readonly string[]): void {
  const run = spawnSync('ip', ['-n', space.name, '-batch', '-'], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
}
