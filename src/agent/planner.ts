import type { NodeFacts } from '../core/facts.ts';
import type { NodeIdentity } from '../core/planner/node.ts';
import { type Planned, planNode } from '../core/planner/plan-node.ts';
import type { ResourceSnapshot } from '../core/resources.ts';
import { Owners } from './owners.ts';

interface Memo {
  readonly resources: ResourceSnapshot;
  readonly facts: NodeFacts;
  readonly node: NodeIdentity;
  readonly result: { readonly planned: Planned; readonly owners: Owners };
}

/** `planNode`, skipped while its inputs are the same values: a repair among 100k routes must not plan 100k routes. */
export class Planner {
  #memo: Memo | undefined;

  plan(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Memo['result'] {
    const memo = this.#memo;
    if (memo && memo.resources === resources && memo.facts === facts && sameNode(memo.node, node)) return memo.result;
    const planned = planNode(resources, facts, node);
    const result = { planned, owners: new Owners(planned.plan) };
    this.#memo = { resources, facts, node, result };
    return result;
  }
}

function sameNode(a: NodeIdentity, b: NodeIdentity): boolean {
  return a.overdue === b.overdue && a.remembered === b.remembered && a.protect === b.protect && a.name === b.name;
}
