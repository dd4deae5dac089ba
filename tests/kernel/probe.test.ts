import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Address } from '../../src/core/ip/address.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import type { DeviceRef } from '../../src/core/route.ts';
import { link, planned } from '../../src/kernel/contract/device-support.ts';
import { adds, lan, succeed, via } from '../../src/kernel/contract/support.ts';
import type { ProbeAnswer } from '../../src/kernel/kernel.ts';
import { identity, node, snapshot } from '../core/builders.ts';
import { overlayIP, pool } from '../core/overlay-builders.ts';
import { Namespace } from './namespace.ts';

const ADDRESS = '192.168.100.4';
/** Of the node. */
const OWN = '10.1.0.1';
const STRANGER = '02:00:5e:00:53:77';

let space: Namespace;
let device: DeviceRef;
/** Of whoever holds the far end of the cable. */
let mac: string;

beforeEach(async () => {
  space = await Namespace.create();
  device = await lan(space);
  mac = await space.answerFor('left', ADDRESS);
});
afterEach(() => space.close());

describe('who has an address', { timeout: 60_000 }, () => {
  test('nothing is left in the neighbour table, whether somebody answers or nobody', async () => {
    assert.deepEqual([await holder(ADDRESS), await holder('192.168.100.5')], [mac, undefined]);
    assert.equal(await entries(), '');
  });

  test('what the kernel believes so far is not believed, only an answer', async () => {
    await believe('192.168.100.5', 'reachable');
    await believe(ADDRESS, 'reachable');
    assert.deepEqual([await holder('192.168.100.5'), await holder(ADDRESS)], [undefined, mac]);
    assert.equal(await entries(), '');
  });

  test('an entry that an administrator or a routing daemon made says who has the address, and stays', async () => {
    await believe('192.168.100.5', 'permanent');
    await believe('192.168.100.6', 'reachable', 'extern_learn');
    assert.deepEqual([await holder('192.168.100.5'), await holder('192.168.100.6')], [STRANGER, STRANGER]);
    assert.match(await entries(), /100\.5 .*PERMANENT/);
    assert.match(await entries(), /100\.6 .*extern_learn/);
  });

  test('an address for a device of ours is asked for where it can be heard, and nobody learns a wrong link-layer address of the node', async () => {
    const known = (): Promise<string> => space.far('ip', '-4', 'neigh', 'show', OWN);
    const own = new RegExp(`lladdr ${(await link(space, 'left')).mac} `);
    await space.far('ip', 'addr', 'add', '10.1.0.7/24', 'dev', 'left-far');
    // It takes another link-layer address at once, though it has just heard one (arp.c, LOCKTIME).
    await space.far('sysctl', '-qw', 'net.ipv4.neigh.left-far.locktime=0');
    await space.far('ping', '-c', '1', OWN);
    assert.match(await known(), own);
    await succeed(space.kernel, [{ op: 'add-link', link: planned(device) }]);
    const answers = await Promise.all([ADDRESS, '192.168.100.5'].map(askedByPlan));
    assert.deepEqual(answers, [{ holder: mac }, { holder: undefined }]);
    assert.match(await known(), own);
    assert.doesNotMatch(await space.ip('-4', 'neigh', 'show'), /192\.168\.100\./);
  });

  test('asking does not get in the way of anything else', async () => {
    const asked = Promise.all([holder(ADDRESS), holder('192.168.100.5'), holder('192.168.100.6')]);
    const routes = Array.from({ length: 3000 }, (_, i) => via(`172.20.${i >> 8}.${i & 255}/32`, '10.1.0.2', device));
    await succeed(space.kernel, adds(routes));
    space.kernel.invalidate();
    assert.equal((await space.kernel.observe()).owned.size, 3000);
    assert.deepEqual(await asked, [mac, undefined, undefined]);
    assert.deepEqual(space.kernel.takeDrift(), []);
  });

  test('a Linux host with the address is silent to a sender that its reverse-path filter refuses', async () => {
    for (const [filter, route, answers] of [
      ['0', 'none', true],
      ['1', 'none', false],
      ['2', 'none', false],
      ['1', 'default', true],
      ['2', 'default', true],
    ] as const) {
      await space.far('sysctl', '-qw', `net.ipv4.conf.left-far.rp_filter=${filter}`);
      if (route === 'default') await space.far('ip', 'route', 'replace', 'default', 'via', '192.168.100.1');
      assert.equal(await holder(ADDRESS), answers ? mac : undefined, `rp_filter ${filter}, ${route} route to us`);
    }
  });

  test('a node with the address on a macvlan is silent only if it filters strictly and its parent answers for its own addresses only', async () => {
    await space.far('ip', 'addr', 'flush', 'dev', 'left-far');
    await space.far('ip', 'addr', 'add', '10.1.0.7/24', 'dev', 'left-far');
    await space.far('ip', 'link', 'add', 'link', 'left-far', 'name', 'tmp0', 'type', 'macvlan', 'mode', 'bridge');
    await space.far('sysctl', '-qw', 'net.ipv4.conf.tmp0.arp_ignore=1', 'net.ipv4.conf.tmp0.arp_announce=2');
    await space.far('ip', 'link', 'set', 'tmp0', 'up');
    await space.far('ip', 'addr', 'add', `${ADDRESS}/24`, 'dev', 'tmp0');
    for (const [filter, parentIgnores, answers] of [
      ['1', '0', true],
      ['0', '1', true],
      ['2', '1', true],
      ['1', '1', false],
    ] as const) {
      await space.far('sysctl', '-qw', `net.ipv4.conf.tmp0.rp_filter=${filter}`, `net.ipv4.conf.left-far.arp_ignore=${parentIgnores}`);
      assert.equal((await holder(ADDRESS)) !== undefined, answers, `rp_filter ${filter}, arp_ignore ${parentIgnores} on the parent`);
    }
  });
});

/** Asked as the planner wants it, for a device of ours that has no address yet. */
async function askedByPlan(text: string): Promise<ProbeAnswer> {
  const resources = { overlayPools: [pool('default', { parent: { name: 'left' } })], nodeOverlayIPs: [overlayIP([`${text}/24`])] };
  const { facts } = await space.kernel.observe();
  const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...resources }), facts, identity());
  const [probe] = plan.resources.flatMap(({ probes }) => probes);
  return space.kernel.probe(probe ?? assert.fail('nothing is asked'));
}

async function holder(address: string): Promise<string | undefined> {
  return (await space.kernel.probe({ device, address: Address.parse(address) })).holder;
}

async function believe(address: string, state: string, ...flags: readonly string[]): Promise<void> {
  await space.ip('neigh', 'add', address, 'lladdr', STRANGER, 'dev', 'left', 'nud', state, ...flags);
}

function entries(): Promise<string> {
  return space.ip('-4', 'neigh', 'show', 'dev', 'left');
}
