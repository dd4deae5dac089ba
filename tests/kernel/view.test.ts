import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../src/core/change.ts';
import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { Route, RouteSpec } from '../../src/core/route.ts';
import { DriftLog } from '../../src/kernel/linux/drift-log.ts';
import { encodeAddAddress, encodeRemoveAddress } from '../../src/kernel/linux/netlink/addresses.ts';
import { NLM_F_REPLACE, RTM_DELADDR, RTM_DELROUTE, RTM_NEWADDR, type RTM_NEWROUTE } from '../../src/kernel/linux/netlink/constants.ts';
import { MessageReader } from '../../src/kernel/linux/netlink/reader.ts';
import { encodeAddRoute } from '../../src/kernel/linux/netlink/routes.ts';
import { MessageWriter } from '../../src/kernel/linux/netlink/writer.ts';
import { RouteView } from '../../src/kernel/linux/route-view.ts';
import { KernelView } from '../../src/kernel/linux/view.ts';

const SPEC: RouteSpec = {
  table: 254,
  metric: 4201,
  protocol: 201,
  type: 'unicast',
  hops: [{ gateway: Address.parse('10.1.0.2'), device: { index: 3, name: 'if3' }, onLink: false }],
};
const OURS: Route = { prefix: Prefix.parse('172.16.0.0/16'), spec: SPEC };
const ADDRESS = { device: { index: 3, name: 'if3' }, address: Address.parse('2001:db8:100::4'), prefixLength: 64 };
const FOREIGN: Route = { ...OURS, spec: { ...SPEC, protocol: 4 } };

test('a notification about what we are writing at that moment leaves the order open: read again', () => {
  for (const [written, doubts] of [
    [[OURS], [4]],
    [[], []],
  ] as const) {
    const view = new KernelView(new DriftLog(undefined), '6.18.0');
    view.routes.doubts.clear();
    view.done({ changes: [{ op: 'add-route', route: OURS }], from: 0, to: 1 });
    view.fold();
    view.handle(notification(RTM_DELROUTE, OURS), { has: (route) => written.some(({ prefix }) => prefix.text === route.prefix.text) });
    assert.deepEqual([...view.routes.doubts], doubts);
  }
});

test('what is announced late of an address that we added and removed is no drift', () => {
  const drift = new DriftLog(undefined);
  for (const [removed, events] of [
    [true, []],
    [false, ['LinkDown']],
  ] as const) {
    const view = new KernelView(drift, '6.18.0');
    const changes: Change[] = [{ op: 'add-address', address: ADDRESS }];
    if (removed) changes.push({ op: 'remove-address', address: ADDRESS });
    view.done({ changes, from: 0, to: changes.length });
    view.fold();
    for (const type of [RTM_NEWADDR, RTM_DELADDR]) {
      view.handle(
        written(type, (writer) => encodeAddAddress(writer, 0, ADDRESS)),
        undefined,
      );
    }
    view.settle();
    assert.deepEqual(
      drift.take().map(({ event }) => event),
      events,
    );
  }
});

test('a replacement of one among several routes of an identity leaves open which: read again', () => {
  const { view, events } = watched();
  view.appeared(OURS, 0, 1);
  view.appeared(FOREIGN, 0, 1);
  view.appeared({ ...OURS, spec: { ...SPEC, protocol: 5 } }, NLM_F_REPLACE, 1);
  assert.deepEqual([[...view.doubts], events], [[4], []]);
});

test('a second route of ours under one identity is somebody else’s work, shown as foreign', () => {
  const { view, events } = watched();
  const run = view.reconcile(4);
  run.see(OURS);
  run.see({ ...OURS, spec: { ...SPEC, mtu: 1300 } });
  run.finish(() => false);
  assert.equal(view.owned.like(OURS), OURS);
  assert.deepEqual(
    [...view.foreignRoutes()].map(({ spec }) => spec.mtu),
    [1300],
  );
  assert.deepEqual(events, []);
});

test('a list without a route of ours: why it went depends on what else happened', () => {
  for (const [listed, withLink, event] of [
    [[], false, 'RouteVanished'],
    [[], true, 'LinkDown'],
    [[FOREIGN], true, 'RouteReplaced'],
  ] as const) {
    const { view, events } = watched();
    view.appeared(OURS, 0, 1);
    const run = view.reconcile(4);
    for (const route of listed) run.see(route);
    run.finish(() => withLink);
    assert.deepEqual([events, view.owned.size], [[event], 0]);
  }
});

test('a kernel that ignores our mark on an address that is there is not asked a second time', () => {
  const { view, marked, notice, events } = withDevice();
  notice('unmarked');
  assert.equal(view.lacksMark(ADDRESS), true);
  marked();
  assert.equal(view.lacksMark(ADDRESS), false);
  notice('unmarked');
  assert.deepEqual([view.lacksMark(ADDRESS), events()], [false, []]);
});

test('who takes our mark off an address again at once is not taken for the kernel', () => {
  for (const order of [
    ['ours', 'unmarked'],
    ['unmarked', 'ours', 'unmarked'],
  ] as const) {
    const { view, marked, notice, events } = withDevice();
    notice('unmarked');
    marked();
    for (const which of order) notice(which);
    assert.deepEqual([view.lacksMark(ADDRESS), events()], [true, ['AddressChanged']]);
    marked();
    notice('unmarked');
    assert.deepEqual([view.lacksMark(ADDRESS), events()], [true, ['AddressChanged']]);
  }
});

test('a list of one family says nothing about the other', () => {
  const { view, events } = watched();
  view.appeared(OURS, 0, 1);
  view.reconcile(6).finish(() => false);
  assert.deepEqual([events, view.owned.size], [[], 1]);
});

/** A device of ours, on which something is done to an address. */
function withDevice() {
  const drift = new DriftLog(undefined);
  const view = new KernelView(drift, '6.18.0');
  view.changing().left({
    ...{ index: 3, name: 'if3', kind: 'macvlan', alias: 'fairlead:default' },
    ...{ up: true, carrier: true, loopback: false, mtu: 1500, rpFilter: 0, arpIgnore: 1, arpAnnounce: 2 },
  });
  const marked = (): void => {
    view.done({ changes: [{ op: 'add-address', address: ADDRESS, marks: true }], from: 0, to: 1 });
    view.fold();
  };
  // A removal has all but the mark.
  const encode = { ours: encodeAddAddress, unmarked: encodeRemoveAddress };
  const notice = (which: 'ours' | 'unmarked'): void =>
    view.handle(
      written(RTM_NEWADDR, (writer) => encode[which](writer, 0, ADDRESS)),
      undefined,
    );
  return { view, marked, notice, events: () => drift.take().map(({ event }) => event) };
}

function watched(): { readonly view: RouteView; readonly events: string[] } {
  const events: string[] = [];
  return { view: new RouteView((event) => events.push(event)), events };
}

function notification(type: typeof RTM_NEWROUTE | typeof RTM_DELROUTE, route: Route): MessageReader {
  return written(type, (writer) => encodeAddRoute(writer, 0, route));
}

/** What the kernel would send has the layout of what we would. */
function written(type: number, encode: (writer: MessageWriter) => void): MessageReader {
  const writer = new MessageWriter(0);
  encode(writer);
  new DataView(writer.buffer.buffer).setUint16(4, type, true);
  const reader = new MessageReader(writer.buffer);
  reader.reset(writer.size);
  assert.ok(reader.next());
  return reader;
}
