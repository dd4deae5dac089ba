import { FLAGS } from '../runtime/config.ts';
import type { Command } from './command.ts';

const NODE_FLAGS = [FLAGS.manifests, FLAGS.node, FLAGS.status, FLAGS.state, FLAGS.protect] as const;

export const COMMANDS: readonly Command[] = [
  {
    name: 'agent',
    summary: 'make this node match its resources, and keep it so',
    flags: [...NODE_FLAGS, FLAGS.listen, FLAGS.log],
    load: () => import('./agent.ts'),
  },
  {
    name: 'plan',
    summary: 'show what would change on this node, and why',
    flags: [...NODE_FLAGS, FLAGS.facts, FLAGS.saveFacts, FLAGS.output],
    load: () => import('./plan.ts'),
  },
  {
    name: 'apply',
    summary: 'one round of the agent, then end',
    flags: [...NODE_FLAGS, FLAGS.log],
    load: () => import('./apply.ts'),
  },
  {
    name: 'status',
    summary: "show this node's report",
    flags: [...NODE_FLAGS, FLAGS.output],
    load: () => import('./status.ts'),
  },
  {
    name: 'cleanup',
    summary: 'remove everything of ours from this node',
    flags: [...NODE_FLAGS],
    load: () => import('./cleanup.ts'),
  },
  {
    name: 'migrate',
    summary: 'print our resources for the manifests of an older system',
    operands: 'FILE...',
    flags: [],
    load: () => import('./migrate.ts'),
  },
  { name: 'crds', summary: 'print the custom resource definitions', flags: [], load: () => import('./crds.ts') },
  { name: 'version', summary: 'print the version', flags: [], load: () => import('./version.ts') },
];
