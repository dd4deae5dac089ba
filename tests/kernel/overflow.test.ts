import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { DeviceRef, Route } from '../../src/core/route.ts';
import { Namespace } from './namespace.ts';

/** Holds a handful of notifications: the kernel doubles it and counts its own overhead. */
const TINY = 4096;
const MANY = 5000;

test('notifications that did not fit are made up for by reading everything again', { timeout: 60_000 }, async () => {
  const space = await Namespace.create({ queueBytes: TINY });
  try {
    const device = await space.addLink('left');
    await space.addAddress('left', '10.1.0.1/24');
    const ours = Array.from({ length: 20 }, (_, i) => routeOf(`172.30.${i}.0/24`, device));
    assert.deepEqual(await space.kernel.apply(ours.map((route) => ({ op: 'add-route', route }))), []);
    const before = (await space.kernel.observe()).facts.routes.length;
    const woken = new Promise<void>((resolve) => space.kernel.watch(resolve));
    const lost = ours.slice(5, 10);
    // Synchronous: this process hears nothing while it happens.
    batch(space.name, [
      ...Array.from({ length: MANY }, (_, i) => `route add 172.20.${i >> 8}.${i & 255}/32 via 10.1.0.2 dev left`),
      ...lost.map(({ prefix }) => `route del ${prefix} metric 4201`),
    ]);
    await woken;
    const { facts, owned } = await space.kernel.observe();
    assert.equal(facts.routes.length, before + MANY);
    assert.deepEqual([...owned.values()], [...ours.slice(0, 5), ...ours.slice(10)]);
    const drift = space.kernel.takeDrift();
    assert.deepEqual(
      drift.map(({ event, route }) => `${event} ${route?.prefix}`),
      lost.map(({ prefix }) => `RouteVanished ${prefix}`),
    );
    await assertHeardAgain(space, ours[0] ?? assert.fail());
  } finally {
    await space.close();
  }
});

/** The error on the socket stops libuv's watcher; it must have been started again. */
async function assertHeardAgain(space: Namespace, route: Route): Promise<void> {
  const woken = new Promise<void>((resolve) => space.kernel.watch(resolve));
  await space.deleteRoute(route);
  await woken;
  await space.kernel.observe();
  assert.deepEqual(
    space.kernel.takeDrift().map(({ event, route: gone }) => [event, gone]),
    [['RouteDeleted', route]],
  );
}

function batch(namespace: string, lines: readonly string[]): void {
  const run = spawnSync('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
}

function routeOf(prefix: string, device: DeviceRef): Route {
  const hops = [{ gateway: Address.parse('10.1.0.2'), device, onLink: false }];
  return { prefix: Prefix.parse(prefix), spec: { table: 254, metric: 4201, protocol: 201, type: 'unicast', hops } };
}
