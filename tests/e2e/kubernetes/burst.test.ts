import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { ownRoutes, until } from '../support.ts';
import { denials, kernelRoute, ROUTES, readyOn, staticRoute, statusText } from './support.ts';

const COUNT = 500;
/** Requests under way at once. */
const CALLERS = 20;

describe(`${COUNT} StaticRoutes at once`, () => {
  const names = Array.from({ length: COUNT }, (_, i) => `r${i}`);
  const subnet = (i: number): string => `172.${20 + (i >> 8)}.${i & 255}.0/24`;
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet();
  });
  after(() => fleet.close());

  /** A few requests at a time, as fast as they are answered. */
  async function each(request: (name: string, index: number) => Promise<unknown>): Promise<void> {
    const waiting = names.entries();
    const call = async (): Promise<void> => {
      for (const [i, name] of waiting) await request(name, i);
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
  }

  /** Looks now and then: to read so much all the time would slow down what is waited for. */
  async function seldom(satisfied: () => Promise<boolean>, describe?: () => Promise<string>): Promise<void> {
    await until(async () => {
      const done = await satisfied();
      if (!done) await sleep(500);
      return done;
    }, describe);
  }

  async function everywhere(wanted: readonly string[]): Promise<boolean> {
    for (const { host } of fleet.nodes) if ((await ownRoutes(host)).join() !== wanted.join()) return false;
    return true;
  }

  test('are in every kernel, and every status is true', async () => {
    await each((name, i) => fleet.plane.api.post(ROUTES, staticRoute(name, { subnets: [subnet(i)] })));
    const wanted = names.map((_, i) => kernelRoute(subnet(i))).sort();
    await seldom(() => everywhere(wanted));
    await seldom(
      async () => (await fleet.plane.api.list(ROUTES)).every(readyOn(3)),
      async () => {
        const wrong = (await fleet.plane.api.list(ROUTES)).filter((route) => !readyOn(3)(route));
        return wrong.map((route) => `${route.metadata.name}: ${statusText(route)}`).join('\n');
      },
    );
  });

  test('cost at most two writes of a status each, and no conflict', async () => {
    const { length } = await fleet.plane.writes({ resource: 'staticroutes', subresource: 'status' });
    assert.ok(length >= COUNT && length <= 2 * COUNT, `${length} writes`);
    // Two controllers that begin at once both try to make the Lease, and one loses.
    const conflicts = (await fleet.plane.audit({ code: 409 })).filter(({ resource }) => resource !== 'leases');
    assert.deepEqual(
      conflicts.map(({ user, verb, uri }) => `${user} ${verb} ${uri}`),
      [],
    );
    assert.deepEqual(await denials(fleet), []);
  });

  test('are gone from every kernel when they are deleted at once', async () => {
    await each((name) => fleet.plane.api.delete(`${ROUTES}/${name}`));
    await seldom(() => everywhere([]));
  });
});
