import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Change } from '../../src/core/change.ts';
import { Address } from '../../src/core/ip/address.ts';
import type { PlannedAddress } from '../../src/core/plan.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import type { DeviceRef } from '../../src/core/route.ts';
import { link, planned } from '../../src/kernel/contract/device-support.ts';
import { codes, lan, succeed } from '../../src/kernel/contract/support.ts';
import { identity, node, snapshot } from '../core/builders.ts';
import { overlayIP, pool } from '../core/overlay-builders.ts';
import { Namespace } from './namespace.ts';

const ADDRESS = '192.168.100.4';
const GATEWAY = '192.168.100.1';
const OTHER = '02:00:5e:00:53:01';

let space: Namespace;
let parent: DeviceRef;

beforeEach(async () => {
  space = await Namespace.create();
  parent = await lan(space);
  // A router on the other end.
  await space.answerFor('left', '10.1.0.7');
  await space.far('ip', 'addr', 'add', `${GATEWAY}/24`, 'dev', 'left-far');
  await space.far('sysctl', '-qw', 'net.ipv4.neigh.left-far.locktime=0');
});
afterEach(() => space.close());

describe('an address that comes', { timeout: 60_000 }, () => {
  test('is told to the gateway, which knew it on another node', async () => {
    await succeed(space.kernel, [{ op: 'add-link', link: planned(parent) }]);
    const { mac } = await link(space, 'tmp0');
    await space.far('ip', 'neigh', 'replace', ADDRESS, 'dev', 'left-far', 'lladdr', OTHER, 'nud', 'reachable');
    await succeed(space.kernel, [{ op: 'add-address', address: await wanted() }]);
    await heard(new RegExp(`lladdr ${mac} `));
  });

  test('is told again with the link-layer address that its device gets back', async () => {
    await succeed(space.kernel, [{ op: 'add-link', link: planned(parent) }]);
    const device = await link(space, 'tmp0');
    await succeed(space.kernel, [{ op: 'add-address', address: await wanted() }]);
    await heard(new RegExp(`lladdr ${device.mac} `));
    await space.setLinkMac('tmp0', '02:00:5e:00:53:77');
    assert.equal((await link(space, 'tmp0')).formerMac, device.mac);
    await space.far('ip', 'neigh', 'replace', ADDRESS, 'dev', 'left-far', 'lladdr', '02:00:5e:00:53:77', 'nud', 'reachable');
    await succeed(space.kernel, [{ op: 'set-link', link: planned(parent), device, announceTo: [Address.parse(GATEWAY)] }]);
    await heard(new RegExp(`lladdr ${device.mac} `));
  });

  test('leaves alone what an administrator put into the neighbour table for the gateway', async () => {
    await succeed(space.kernel, [{ op: 'add-link', link: planned(parent) }]);
    await space.ip('neigh', 'add', GATEWAY, 'lladdr', OTHER, 'dev', 'tmp0', 'nud', 'permanent');
    await succeed(space.kernel, [{ op: 'add-address', address: await wanted() }]);
    assert.match(await space.ip('neigh', 'show', 'dev', 'tmp0'), new RegExp(`^${GATEWAY} lladdr ${OTHER} PERMANENT`));
  });

  test('is not told when it was refused', async () => {
    await succeed(space.kernel, [{ op: 'add-link', link: planned(parent) }]);
    await space.ip('addr', 'add', `${ADDRESS}/24`, 'dev', 'tmp0');
    const changes: readonly Change[] = [{ op: 'add-address', address: await addressOn('tmp0') }];
    assert.deepEqual(codes(await space.kernel.apply(changes)), ['EEXIST']);
    assert.equal(await space.ip('-4', 'neigh', 'show', 'dev', 'tmp0'), '');
  });
});

/** As the planner wants it. */
async function wanted(): Promise<PlannedAddress> {
  const resources = { overlayPools: [pool('default', { parent: { name: 'left' } })], nodeOverlayIPs: [overlayIP([`${ADDRESS}/24`])] };
  const { facts } = await space.kernel.observe();
  const who = identity({ probed: new Map([[`left ${ADDRESS}`, undefined]]) });
  const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...resources }), facts, who);
  return plan.resources[0]?.addresses[0] ?? assert.fail('no address is planned');
}

async function addressOn(name: string): Promise<PlannedAddress> {
  const { index } = await link(space, name);
  const [host, gateway] = [ADDRESS, GATEWAY].map(Address.parse);
  return { device: { index, name }, address: host ?? assert.fail(), prefixLength: 24, ...(gateway && { announceTo: gateway }) };
}

async function heard(expected: RegExp): Promise<void> {
  const known = (): Promise<string> => space.far('ip', 'neigh', 'show', ADDRESS);
  const deadline = Date.now() + 2_000;
  while (!expected.test(await known()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(await known(), expected);
}
