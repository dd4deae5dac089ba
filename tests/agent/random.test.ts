import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Prefix } from '../../src/core/ip/prefix.ts';
import { waitKey } from '../../src/core/planner/node.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatRoute } from '../../src/core/render.ts';
import { type DeviceRef, RouteIndex } from '../../src/core/route.ts';
import { identity, route } from '../core/builders.ts';
import { Stage } from './stage.ts';

/** Something that happens, and how it reads when fast-check shows the shortest sequence that fails. */
interface Step {
  readonly title: string;
  run(stage: Stage): void | Promise<void>;
}

const NETS = 6;
const METRICS = [4201, 100] as const;
const subnet = (net: number): string => `192.168.${net}.0/24`;

const spec = fc.record({
  subnets: fc.uniqueArray(fc.integer({ min: 0, max: NETS - 1 }), { minLength: 1, maxLength: 4 }).map((nets) => nets.map(subnet)),
  via: fc.constantFrom(
    {},
    { gateway: '10.1.0.1' },
    { gateway: '10.1.0.2' },
    { device: 'eth0' },
    { unreachable: {} },
    { gateway: '172.31.0.1' },
  ),
  metric: fc.constantFrom(...METRICS),
  onMissingGateway: fc.constantFrom('Withdraw', 'Unreachable'),
  reversePath: fc.constantFrom('Preserve', 'Loose'),
});
const resource = fc.constantFrom('a', 'b', 'c', 'd');
const identityOf = fc.record({ net: fc.integer({ min: 0, max: NETS - 1 }), metric: fc.constantFrom(...METRICS, 50) });

const put = fc
  .tuple(resource, spec)
  .map(([name, value]) => step(`put ${name} ${JSON.stringify(value)}`, (stage) => stage.put(name, value)));
const spoil = resource.map((name) => step(`spoil ${name}`, (stage) => stage.put(name, { subnets: ['192.168.1.1/24'] })));
const remove = resource.map((name) => step(`delete ${name}`, (stage) => stage.delete(name)));

/** `ip route del`, by identity, of ours or of a foreign one. */
const cut = identityOf.map(({ net, metric }) =>
  step(`cut ${net} metric ${metric}`, async (stage) => {
    const known = await at(stage, net, metric);
    if (known) stage.kernel.deleteRoute(known);
  }),
);
const intrude = identityOf.map(({ net, metric }) =>
  step(`intrude ${net} metric ${metric}`, async (stage) => {
    if (await deviceUp(stage, stage.eth1)) stage.kernel.replaceRoute(stage.rival(subnet(net), '10.1.0.99', metric));
  }),
);
/** Somebody uses our protocol number. */
const forge = identityOf.map(({ net, metric }) =>
  step(`forge ${net} metric ${metric}`, async (stage) => {
    if (await deviceUp(stage, stage.eth1)) stage.kernel.replaceRoute(stage.our(subnet(net), '10.1.0.66', metric));
  }),
);
const flush = fc.constant(
  step('flush ours', async (stage) => {
    const { owned } = await stage.kernel.observe();
    for (const ours of [...owned.values()]) stage.kernel.deleteRoute(ours);
  }),
);
const down = fc.constant(step('eth1 down', (stage) => stage.kernel.setLinkUp('eth1', false)));
const up = fc.constant(step('eth1 up', bringUp));
const rpFilter = fc.constantFrom(0, 1, 2).map((value) => step(`rp_filter ${value}`, (stage) => stage.kernel.setRpFilter('eth1', value)));
const away = fc.constant(step('source away', (stage) => stage.world.setAvailable(false)));
const back = fc.constant(step('source back', (stage) => stage.world.setAvailable(true)));
const restart = fc.constant(step('restart', (stage) => stage.restart()));
const refuse = fc.constant(step('kernel refuses once', (stage) => stage.kernel.failNext('ENOBUFS')));
const time = fc.constantFrom(100, 3_000, 11_000).map((ms) => step(`${ms} ms pass`, (stage) => stage.advance(ms)));
const pause = fc.constant(step('pause', (stage) => stage.settle()));

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: put },
    { weight: 2, arbitrary: fc.oneof(remove, spoil) },
    { weight: 4, arbitrary: fc.oneof(cut, intrude, forge, flush) },
    { weight: 2, arbitrary: fc.oneof(down, up, rpFilter) },
    { weight: 2, arbitrary: fc.oneof(away, back, restart, refuse) },
    { weight: 3, arbitrary: fc.oneof(time, pause) },
  ),
  { minLength: 5, maxLength: 30 },
);

function step(title: string, run: Step['run']): Step {
  return { title, run, [fc.toStringMethod]: () => title } as Step;
}

async function at(stage: Stage, net: number, metric: number): Promise<ReturnType<RouteIndex['get']>> {
  const { facts, owned } = await stage.kernel.observe();
  return RouteIndex.of([...facts.routes, ...owned.values()]).get(Prefix.parse(subnet(net)), 254, metric);
}

async function deviceUp(stage: Stage, device: DeviceRef): Promise<boolean> {
  const { facts } = await stage.kernel.observe();
  return facts.links.some((link) => link.index === device.index && link.up);
}

/** As an administrator does who has the route toward the private network in a boot script. */
async function bringUp(stage: Stage): Promise<void> {
  if (await deviceUp(stage, stage.eth1)) return;
  stage.kernel.setLinkUp('eth1', true);
  stage.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
}

/** Everything is back, objects that were spoiled are gone, and every delay has passed. */
async function calm(stage: Stage): Promise<void> {
  stage.world.setAvailable(true);
  for (const { parsed } of [...stage.world.objects.values()]) if (parsed.type === 'invalid') stage.delete(parsed.meta.ref.name);
  await stage.settle();
  await stage.advance(300_000);
}

/** The routes of a plan made from nothing but the present resources and facts. */
async function freshPlan(stage: Stage): Promise<string[]> {
  const { facts } = await stage.kernel.observe();
  const resources = stage.cluster.snapshot();
  const node = identity({ remembered: stage.memory.entries });
  const first = planNode(resources, facts, node).plan;
  const overdue = new Set(first.resources.flatMap(({ meta, waiting }) => waiting.map((family) => waitKey(meta.ref, family))));
  const { plan } = planNode(resources, facts, { ...node, overdue });
  return plan.resources.flatMap(({ routes }) => routes.map(formatRoute)).sort();
}

it('whatever happens, the kernel ends up as the resources say, and nothing foreign is touched', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const stage = new Stage();
      stage.kernel.setRpFilter('eth1', 1);
      try {
        await stage.start();
        for (const { run } of sequence) {
          await run(stage);
          await stage.kernel.look();
          const before = stage.kernel.foreign();
          await stage.settle();
          assert.deepEqual(stage.kernel.foreign(), before, 'only outsiders change foreign routes');
        }
        await calm(stage);
        assert.deepEqual(stage.kernel.ours(), await freshPlan(stage));
        assert.ok(stage.report.status.complete);

        stage.takeChanges();
        await stage.advance(60_000);
        assert.deepEqual(stage.takeChanges(), [], 'a second round has nothing to do');

        for (const name of ['a', 'b', 'c', 'd']) stage.delete(name);
        await calm(stage);
        assert.deepEqual(stage.kernel.ours(), [], 'the last resource leaves no route');
        assert.deepEqual(stage.memory.entries, [], 'and nothing to remember');
      } finally {
        await stage.stop();
      }
    }),
    { numRuns: 120 },
  );
});
