import type { NodeFacts } from '../core/facts.ts';
import type { NodeIdentity } from '../core/planner/node.ts';
import { NodePlanner, type Planned, sameNode } from '../core/planner/node-planner.ts';
import type { ResourceSnapshot } from '../core/resources.ts';
import { Owners } from './owners.ts';

interface Memo {
  readonly resources: ResourceSnapshot;
  readonly facts: NodeFacts;
  readonly node: NodeIdentity;
  readonly result: { readonly planned: Planned; readonly owners: Owners };
}

/** `NodePlanner`, skipped while its inputs are the same values: a repair among 100k routes must not plan 100k routes. */
export class Planner {
  readonly #planner = new NodePlanner();
  #memo: Memo | undefined;

  plan(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Memo['result'] {
    const memo = this.#memo;
    if (memo && memo.resources === resources && memo.facts === facts && sameNode(memo.node, node)) return memo.result;
    const planned = this.#planner.plan(resources, facts, node);
    const result = { planned, owners: new Owners(planned.plan) };
    this.#memo = { resources, facts, node, result };
    return result;
  }
}
