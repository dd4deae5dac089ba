import assert from 'node:assert/strict';
import { it } from 'node:test';
import { foresee } from '../../src/core/foresee.ts';
import { formatChange } from '../../src/core/render.ts';
import { type Route, RouteIndex } from '../../src/core/route.ts';
import { facts, identity, node, snapshot, staticRoute } from './builders.ts';
import { EVERYTHING, ours, overlayIP, pool, QUIET_ETH1, TMP0, world } from './overlay-builders.ts';

const routes = [
  staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } }),
  staticRoute('plain', { subnets: ['172.20.0.0/16'] }),
];
const ahead = (at = facts(), resources = {}, owned: readonly Route[] = []) => {
  const all = snapshot(routes, { nodes: [node('n1')], ...EVERYTHING, ...resources });
  const { changes, planned } = foresee(all, { routes: RouteIndex.of(owned), sysctls: [] }, at, identity());
  return [...changes.map(formatChange), ...planned.problems.map(({ code }) => `! ${code}`)];
};

const ROUTE = '+ 192.168.50.0/24 via 192.168.100.1 dev tmp0 proto 201 src 192.168.100.4 metric 4201';
const PLAIN = '+ 172.20.0.0/16 via 10.1.0.1 dev eth1 proto 201 metric 4201';
const DEVICE = 'device tmp0 link eth1 type macvlan mode bridge mtu 1500 alias fairlead:default';

it('shows the device, its address and the routes by it, each change once', () => {
  const [ignore, announce, ...rest] = ahead();
  assert.match(`${ignore}${announce}`, /arp_ignore = 1.*arp_announce = 2/);
  assert.deepEqual(rest, [`+ ${DEVICE}`, PLAIN, '+ address 192.168.100.4/24 dev tmp0', ROUTE]);
});

it('shows what is still to be done', () => {
  assert.deepEqual(ahead(world([{ ...TMP0, up: false }], [ours('192.168.100.4/24')])), [`~ ${DEVICE}`, PLAIN, ROUTE]);
  assert.deepEqual(ahead(world([TMP0])), [PLAIN, '+ address 192.168.100.4/24 dev tmp0', ROUTE]);
});

it('stops at what a person must mend', () => {
  const other = { overlayPools: [pool()], nodeOverlayIPs: [overlayIP(['203.0.113.44/24'])] };
  assert.deepEqual(ahead(world([TMP0], [], QUIET_ETH1), other), [PLAIN, '! OverlapsNetwork', '! OverlapsNetwork']);
});
