import { Agent, type Telling } from '../agent/agent.ts';
import { fileSysctlMemory } from '../agent/memory.ts';
import { systemClock } from '../runtime/clock.ts';
import { FLAGS, parseListen } from '../runtime/config.ts';
import { waitForLock } from '../runtime/instance-lock.ts';
import { createLog } from '../runtime/log.ts';
import { releaseMemory } from '../runtime/memory.ts';
import { type Context, EXIT, LOCK_NAME, type Run } from './command.ts';
import { explained } from './files.ts';
import { demandPermission, holderText, nodeFlags, openPlace } from './node-context.ts';
import { type Farewell, Signals } from './signals.ts';

const FAREWELL: Farewell = {
  ending: 'the kernel stays as it is',
  undone: 'the report or the state could not be written',
  fix: 'they are left as they are; see that the disks under --status and --state answer, or the API server',
};

/** `fairlead agent`: runs until SIGTERM or SIGINT, which leave the kernel as it is. */
export const run: Run = (context) => explained(() => runAgent(context));

async function runAgent(context: Context): Promise<number> {
  const { line, terminal, adapters } = context;
  const flags = nodeFlags(line);
  const listen = line.text(FLAGS.listen);
  const address = listen === undefined ? undefined : parseListen(listen);
  const log = createLog(line.text(FLAGS.log) === 'json' ? 'json' : 'text', (text) => terminal.out(text));
  const warn = (message: string): void => log.warn(message);
  const place = await openPlace(context, 'agent', flags, warn);

  // Process 1 of a container ignores signals that it does not handle: also while it waits for the lock.
  const signals = new Signals(log, FAREWELL).listen();
  const before = await adapters.openKernel();
  demandPermission(before);
  // What another agent does while this one waits is no drift, and must not pile up here.
  before.close();
  const web = address && (await import('./agent-web.ts'));
  const early = web && (await web.serveIfFree(address, { version: context.version, log }));
  const lock = await waitForLock(LOCK_NAME, { pid: process.pid, node: flags.nodeName, role: 'agent' }, (holder) => {
    early?.waitFor(holderText(holder));
    log.warn(`${holderText(holder)} holds this network namespace: waiting until it ends, then taking over`);
  });
  early?.waitFor(undefined);
  // The agent that had the lock may have had the same address.
  const server = early ?? (web && (await web.serve(address, { version: context.version, log })));
  const kernel = await adapters.openKernel();
  log.info(`fairlead ${context.version} is the agent of node ${flags.nodeName}, pid ${process.pid}, resources from ${place.words}`);

  const source = place.openSource({ stateFolder: flags.stateFolder, readOnly: false, onWarning: warn });
  const observe = (telling: Telling): void => server?.observe(telling);
  const ports = {
    kernel,
    source,
    sink: place.sink,
    ...(place.events && { events: place.events }),
    ...(place.overlaySink && { overlaySink: place.overlaySink }),
    memory: fileSysctlMemory(flags.stateFolder),
    clock: systemClock,
    log,
    observe,
    onQuiet: releaseMemory,
  };
  const agent = new Agent(ports, { nodeName: flags.nodeName, protect: flags.protect });
  const done = agent.run();
  signals.onFirst(() => void agent.close());
  await done;
  await source.close();
  await place.close();
  await server?.close();
  kernel.close();
  await lock.release();
  return EXIT.ok;
}
