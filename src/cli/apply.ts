import { Agent } from '../agent/agent.ts';
import { fileSysctlMemory } from '../agent/memory.ts';
import { ReportFailed, type ReportSink } from '../cluster/cluster.ts';
import { systemClock } from '../runtime/clock.ts';
import { FLAGS } from '../runtime/config.ts';
import { createLog } from '../runtime/log.ts';
import { type Context, EXIT, type Run } from './command.ts';
import { explained } from './files.ts';
import { demandPermission, holdingLock, nodeFlags, openPlace } from './node-context.ts';

/** `fairlead apply`: one round of the agent. Fails when something could not be read, made true or written. */
export const run: Run = (context) => explained(() => apply(context));

async function apply(context: Context): Promise<number> {
  const { line, terminal, adapters } = context;
  const flags = nodeFlags(line);
  const unwritten: string[] = [];
  const warn = (message: string): void => terminal.err(`${message}\n`);
  const place = await openPlace(context, 'apply', flags, warn);
  const source = place.openSource({
    stateFolder: flags.stateFolder,
    readOnly: false,
    onWarning: warn,
    onNotKept: (message) => void unwritten.push(message),
  });
  const kernel = await adapters.openKernel();
  demandPermission(kernel);
  const log = createLog(line.text(FLAGS.log) === 'json' ? 'json' : 'text', (text) => terminal.out(text));
  const ports = {
    kernel,
    source,
    sink: triedOnce(place.sink, unwritten),
    ...(place.overlaySink && { overlaySink: place.overlaySink }),
    memory: fileSysctlMemory(flags.stateFolder),
    clock: systemClock,
    log,
  };
  const agent = new Agent(ports, { nodeName: flags.nodeName, protect: flags.protect });
  const report = await holdingLock('apply', flags.nodeName, () => agent.once());
  await source.close();
  await place.close();
  kernel.close();
  for (const message of unwritten) terminal.err(`${message}; the changes to the kernel were made all the same\n`);
  const { problems, complete, resources } = report.status;
  const fine = problems.length === 0 && complete && resources.every((resource) => resource.ready) && unwritten.length === 0;
  return fine ? EXIT.ok : EXIT.failed;
}

/** An agent tries to write its report again and again; a command that ends says what it could not write. */
function triedOnce(sink: ReportSink, unwritten: string[]): ReportSink {
  return {
    async write(report) {
      try {
        await sink.write(report);
      } catch (error) {
        if (!(error instanceof ReportFailed)) throw error;
        unwritten.push(error.message);
      }
    },
  };
}
