import type { NodeFacts } from '../facts.ts';
import type { ResourceSnapshot } from '../resources.ts';
import type { NodeIdentity } from './node.ts';
import { NodePlanner, type Planned } from './node-planner.ts';

/** Decides everything that should be true on one node, from everything that is known; touches nothing. */
export function planNode(resources: ResourceSnapshot, facts: NodeFacts, node: NodeIdentity): Planned {
  return new NodePlanner().plan(resources, facts, node);
}
