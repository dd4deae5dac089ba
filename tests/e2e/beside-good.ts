import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Agent, Report, ReportedResource } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { RouteMonitor } from './route-monitor.ts';
import { agentWith, createNode, staticRoute, untilRoutes, wanted } from './support.ts';

const GOOD = ['172.20.0.0/16', '2001:db8:20::/48'];

/** A live agent with a good resource, which must not suffer from whatever comes beside it. */
export interface Bystander {
  readonly node: Host;
  readonly agent: Agent;
  readonly monitor: RouteMonitor;
  /** Waits until the routes of the good resource and exactly these others are in the kernel. */
  routes(...others: readonly string[]): Promise<void>;
  /** Waits until a resource says so. */
  says(name: string, reason: string, message?: RegExp): Promise<ReportedResource>;
  /** Waits until a problem of the source says so. */
  complains(source: string, message: RegExp, line?: number): Promise<void>;
  /** Waits until no problem of the source and no resource but the good one is left. */
  recovered(): Promise<void>;
}

type Case = (bystander: Bystander, t: TestContext) => Promise<void>;

/** Runs each case with the same agent; afterwards the good resource must have been in force all the time. */
export function besideGood(title: string, cases: Readonly<Record<string, Case>>): void {
  test(title, async (t) => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await agentWith(lab, { 'good.yaml': staticRoute('good', GOOD) });
    const monitor = await RouteMonitor.start(node);
    const bystander = bystanderOf(node, agent, monitor);
    for (const [name, run] of Object.entries(cases)) {
      await t.test(name, async (child) => {
        await run(bystander, child);
        assert.equal(agent.resource('good')?.ready, true);
      });
    }
    const lost = (await monitor.deletions()).filter((prefix) => GOOD.includes(prefix));
    assert.deepEqual(lost, [], 'the good resource was out of force');
    assert.equal((await agent.kill('SIGTERM')).code, 0, agent.log);
  });
}

function bystanderOf(node: Host, agent: Agent, monitor: RouteMonitor): Bystander {
  return {
    node,
    agent,
    monitor,
    routes: (...others) => untilRoutes(node, [...wanted(GOOD), ...others]),
    async says(name, reason, message = /./) {
      const matches = (found: ReportedResource) => found.reason === reason && message.test(found.message);
      const report = await agent.waitFor(
        labelled(`${name} says ${reason} ${message}`, (all) => all.some((found) => found.name === name && matches(found))),
      );
      return agent.resource(name, report) as ReportedResource;
    },
    async complains(source, message, line) {
      await agent.waitFor(({ status: { problems = [] } }) =>
        problems.some(
          (problem) => problem.source === source && message.test(problem.message) && (line === undefined || problem.line === line),
        ),
      );
    },
    async recovered() {
      await agent.waitFor(({ status: { problems = [], resources = [] } }) => problems.length === 0 && resources.length === 1);
      await untilRoutes(node, wanted(GOOD));
    },
  };
}

/** A condition on the resources, which shows its words when it never comes true. */
function labelled(words: string, satisfies: (resources: readonly ReportedResource[]) => boolean): (report: Report) => boolean {
  const condition = ({ status: { resources = [] } }: Report): boolean => satisfies(resources);
  condition.toString = () => words;
  return condition;
}
