import { FLAGS } from '../runtime/config.ts';
import * as agent from './agent.ts';
import type { Command } from './command.ts';
import * as version from './version.ts';

const CLUSTER_FLAGS = [FLAGS.kubeconfig, FLAGS.context] as const;
const NODE_FLAGS = [FLAGS.manifests, ...CLUSTER_FLAGS, FLAGS.node, FLAGS.status, FLAGS.state, FLAGS.protect] as const;

/** Commands that need much more than the others load it when they run, so that the agent does not carry it. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'agent',
    summary: 'make this node match its resources, and keep it so',
    flags: [...NODE_FLAGS, FLAGS.listen, FLAGS.log],
    run: agent.run,
  },
  {
    name: 'controller',
    summary: 'decide what needs one decision for the whole cluster, and sum up what the nodes report',
    flags: [...CLUSTER_FLAGS, FLAGS.namespace, FLAGS.clusterName, FLAGS.listen, FLAGS.log],
    run: async (context) => (await import('./controller.ts')).run(context),
  },
  {
    name: 'plan',
    summary: 'show what would change on this node, and why',
    flags: [...NODE_FLAGS, FLAGS.facts, FLAGS.saveFacts, FLAGS.output],
    run: async (context) => (await import('./plan.ts')).run(context),
  },
  {
    name: 'apply',
    summary: 'one round of the agent, then end',
    flags: [...NODE_FLAGS, FLAGS.log],
    run: async (context) => (await import('./apply.ts')).run(context),
  },
  {
    name: 'status',
    summary: "show this node's report, or those of a cluster",
    flags: [...NODE_FLAGS, FLAGS.fleet, FLAGS.output],
    run: async (context) => (await import('./status.ts')).run(context),
  },
  {
    name: 'cleanup',
    summary: 'remove everything of ours from this node, or from a whole cluster',
    flags: [...NODE_FLAGS, FLAGS.cluster, FLAGS.wait, FLAGS.force],
    run: async (context) => (await import('./cleanup.ts')).run(context),
  },
  {
    name: 'migrate',
    summary: 'print our resources for the manifests of an older system, from files or from a cluster',
    operands: '[FILE...]',
    flags: [...CLUSTER_FLAGS, FLAGS.withinNamespace],
    run: async (context) => (await import('./migrate.ts')).run(context),
  },
  {
    name: 'ipam',
    summary: 'list the overlay addresses of a cluster, or check all that is recorded of them against each other',
    operands: 'list|check',
    flags: [...CLUSTER_FLAGS, FLAGS.credentialsNamespace, FLAGS.clusterName, FLAGS.repair, FLAGS.output],
    run: async (context) => (await import('./ipam.ts')).run(context),
  },
  {
    name: 'crds',
    summary: 'print the custom resource definitions',
    flags: [],
    run: async (context) => (await import('./crds.ts')).run(context),
  },
  { name: 'version', summary: 'print the version', flags: [], run: version.run },
];
