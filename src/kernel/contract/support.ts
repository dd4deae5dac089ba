import assert from 'node:assert/strict';
import type { Change, Drift, DriftEvent, Failure } from '../../core/change.ts';
import type { NodeFacts } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import { objectKey } from '../../core/repair.ts';
import { type DeviceRef, type NextHop, PROTOCOL_FAIRLEAD, type Route, type RouteSpec } from '../../core/route.ts';
import type { Kernel } from '../kernel.ts';
import type { KernelHarness, Maybe } from './harness.ts';

export const RULE = { family: 4, protocol: 4, action: 'lookup', opaque: false } as const;
export const RULELESS: RouteSpec = { table: 0, metric: 0, protocol: 0, type: 'other', hops: [] };
/** A subnet and a gateway on the link per family. */
export const GATEWAYS = [
  ['172.30.0.0/16', '10.1.0.2'],
  ['2001:db8:30::/48', '2001:db8:1::2'],
] as const;

/** A link with two IPv4 addresses and one IPv6 address. */
export async function lan(harness: KernelHarness): Promise<DeviceRef> {
  const device = await harness.addLink('left');
  for (const address of ['10.1.0.1/24', '10.1.0.9/24', '2001:db8:1::1/64']) await harness.addAddress('left', address);
  return device;
}

/** One route of ours per family, in the kernel. */
export async function two(harness: KernelHarness): Promise<readonly [Route, Route]> {
  const device = await lan(harness);
  const [v4, v6] = GATEWAYS;
  const routes = [via(...v4, device), via(...v6, device)] as const;
  await succeed(harness.kernel, adds(routes));
  await harness.kernel.observe();
  return routes;
}

export function everyKind(device: DeviceRef): readonly Route[] {
  return [
    via('172.16.0.0/24', '10.1.0.2', device),
    via('172.16.1.0/24', undefined, device),
    via('172.16.2.0/24', '10.55.0.1', device, { hops: [{ ...hop(device, '10.55.0.1'), onLink: true }] }),
    via('172.16.3.0/24', '10.1.0.2', device, { mtu: 1380 }),
    via('172.16.4.0/24', '10.1.0.2', device, { source: Address.parse('10.1.0.9') }),
    unreachable('172.16.5.0/24'),
    via('172.16.6.0/24', '10.1.0.2', device, { metric: 4294967295 }),
    via('172.16.6.0/24', '10.1.0.2', device, { metric: 7 }),
    via('172.16.6.0/24', '10.1.0.2', device, { table: 100 }),
    via('172.16.6.0/24', '10.1.0.2', device, { table: 70000 }),
    via('0.0.0.0/1', '10.1.0.2', device),
    via('172.16.7.0/24', '2001:db8:1::2', device),
    via('2001:db8:70::/48', '2001:db8:1::2', device),
    via('2001:db8:71::/48', undefined, device),
    via('2001:db8:72::/48', 'fe80::1', device),
    via('2001:db8:73::/48', '2001:db8:55::1', device, { hops: [{ ...hop(device, '2001:db8:55::1'), onLink: true }] }),
    via('2001:db8:74::/48', '2001:db8:1::2', device, { mtu: 1380 }),
    via('2001:db8:75::/48', '2001:db8:1::2', device, { source: Address.parse('2001:db8:1::1') }),
    unreachable('2001:db8:76::/48'),
    via('2001:db8:77::/48', '2001:db8:1::2', device, { metric: 1 }),
    via('2001:db8:77::/48', '2001:db8:1::2', device, { table: 70000 }),
  ];
}

export function via(prefix: string, gateway: string | undefined, device: DeviceRef, spec: Partial<RouteSpec> = {}): Route {
  const base: RouteSpec = { table: 254, metric: 4201, protocol: PROTOCOL_FAIRLEAD, type: 'unicast', hops: [hop(device, gateway)] };
  return { prefix: Prefix.parse(prefix), spec: { ...base, ...spec } };
}

export function hop({ index, name }: DeviceRef, gateway: string | undefined): NextHop {
  return { device: { index, name }, onLink: false, ...(gateway !== undefined && { gateway: Address.parse(gateway) }) };
}

export function unreachable(prefix: string): Route {
  return {
    prefix: Prefix.parse(prefix),
    spec: { table: 254, metric: 4201, protocol: PROTOCOL_FAIRLEAD, type: 'unreachable', hops: [] },
  };
}

export function adds(routes: readonly Route[]): readonly Change[] {
  return routes.map((route) => ({ op: 'add-route', route }));
}

export async function succeed(kernel: Kernel, changes: readonly Change[]): Promise<void> {
  const failures = await kernel.apply(changes);
  const texts = failures.map(({ change, code, message }) => `${objectKey(change)}: ${code} ${message}`);
  assert.deepEqual(texts, []);
}

export function codes(failures: readonly Failure[]): readonly string[] {
  return failures.map(({ code }) => code);
}

export function addressesOf(facts: NodeFacts, device: string): readonly string[] {
  return facts.addresses.filter((held) => held.device.name === device).map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}

export function foreignRoute(facts: NodeFacts, prefix: string): Route | undefined {
  return facts.routes.find((route) => route.prefix.text === prefix);
}

export async function ownedTexts(kernel: Kernel): Promise<readonly string[]> {
  return [...(await kernel.observe()).owned.values()].map(({ prefix }) => prefix.text).sort();
}

/** The view and the kernel itself hold exactly these. */
export async function assertOwned(harness: KernelHarness, routes: readonly Route[]): Promise<void> {
  for (const { owned } of [await harness.kernel.observe(), await harness.reread()]) {
    assert.equal(owned.size, routes.length);
    for (const route of routes) assert.deepEqual(describeSpec(owned.like(route)?.spec), describeSpec(route.spec), route.prefix.text);
  }
}

export async function assertForeign(harness: KernelHarness, route: Route): Promise<void> {
  for (const { facts, owned } of [await harness.kernel.observe(), await harness.reread()]) {
    assert.deepEqual(describeSpec(foreignRoute(facts, route.prefix.text)?.spec), describeSpec(route.spec));
    assert.equal(owned.size, 0);
  }
}

/** As `sameSpec` compares, but readable when it fails. */
export function describeSpec(spec: RouteSpec | undefined): unknown {
  if (!spec) return 'none';
  const hops = spec.hops.map(({ gateway, device, onLink }) => `${gateway ?? 'link'} dev ${device?.index}${onLink ? ' onlink' : ''}`);
  return { ...spec, hops, source: spec.source?.text, mtu: spec.mtu };
}

export async function nextDrift(harness: KernelHarness, disturb: () => Maybe<void>, expected = 1): Promise<Drift> {
  const news = listen(harness.kernel);
  const woken = news.next();
  await disturb();
  await woken;
  await harness.kernel.observe();
  const drift = harness.kernel.takeDrift();
  assert.equal(drift.length, expected, drift.map(({ event, route }) => `${event} ${route?.prefix}`).join(', '));
  return drift.find(({ route }) => route?.prefix.family === 4) ?? drift[0] ?? assert.fail('no drift');
}

/** The listener is woken, the drift says what happened, and the route is not among ours any more. */
export async function driftOf(
  harness: KernelHarness,
  event: DriftEvent,
  route: Route,
  disturb: () => Maybe<void>,
  expected = 1,
): Promise<void> {
  const drift = await nextDrift(harness, disturb, expected);
  assert.deepEqual([drift.event, drift.route], [event, route]);
  assert.equal((await harness.kernel.observe()).owned.like(route), undefined);
}

export interface News {
  count(): number;
  /** Resolves at the next call of the listener. */
  next(): Promise<void>;
  /** After the event loop has polled for everything that was there. */
  quiet(): Promise<void>;
}

export function listen(kernel: Kernel): News {
  let calls = 0;
  let wake = (): void => {};
  kernel.watch(() => {
    calls++;
    wake();
  });
  return {
    count: () => calls,
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    quiet: async () => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
