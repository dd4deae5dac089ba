import { Agent } from '../agent/agent.ts';
import { fileSysctlMemory } from '../agent/memory.ts';
import { systemClock } from '../runtime/clock.ts';
import { FLAGS } from '../runtime/config.ts';
import { createLog } from '../runtime/log.ts';
import { type Context, EXIT, type Run } from './command.ts';
import { explained } from './files.ts';
import { demandPermission, holdingLock, nodeFlags, openSource } from './node-context.ts';

/** `fairlead apply`: one round of the agent. Fails when something could not be read or made true. */
export const run: Run = (context) => explained(() => apply(context));

async function apply(context: Context): Promise<number> {
  const { line, terminal, adapters } = context;
  const flags = nodeFlags(line);
  const source = openSource(context, flags, false);
  const kernel = await adapters.openKernel();
  demandPermission(kernel);
  const log = createLog(line.text(FLAGS.log) === 'json' ? 'json' : 'text', (text) => terminal.out(text));
  const ports = {
    kernel,
    source,
    sink: adapters.openSink(flags.statusFolder),
    memory: fileSysctlMemory(flags.stateFolder),
    clock: systemClock,
    log,
  };
  const agent = new Agent(ports, { nodeName: flags.nodeName, protect: flags.protect });
  const report = await holdingLock('apply', flags.nodeName, () => agent.once());
  await source.close();
  kernel.close();
  const fine = report.status.problems.length === 0 && report.status.complete && report.status.resources.every((resource) => resource.ready);
  return fine ? EXIT.ok : EXIT.failed;
}
