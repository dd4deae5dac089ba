import { hostname } from 'node:os';
import { Controller } from '../controller/controller.ts';
import { systemClock } from '../runtime/clock.ts';
import { FLAGS, parseListen } from '../runtime/config.ts';
import { createLog } from '../runtime/log.ts';
import { EXIT, type Run } from './command.ts';
import { openCluster } from './node-context.ts';
import { type Farewell, Signals } from './signals.ts';
import { serveExhibit } from './web.ts';

/** Where the Lease is when neither flag, pod nor context say. */
const DEFAULT_NAMESPACE = 'fairlead-system';

const FAREWELL: Farewell = {
  ending: 'the next controller leads at once',
  undone: 'the Lease could not be released',
  fix: 'the next controller leads when it has run out; see that the API server answers',
};

/** `fairlead controller`: runs until SIGTERM or SIGINT; then the next one leads at once. */
export const run: Run = async (context) => {
  const { line, terminal, version } = context;
  const listen = line.text(FLAGS.listen);
  const address = listen === undefined ? undefined : parseListen(listen);
  const log = createLog(line.text(FLAGS.log) === 'json' ? 'json' : 'text', (text) => terminal.out(text));
  const signals = new Signals(log, FAREWELL).listen();
  const cluster = await openCluster(context, 'controller');
  const namespace = line.text(FLAGS.namespace) ?? (await cluster.namespace()) ?? DEFAULT_NAMESPACE;
  const identity = hostname();
  const parts = cluster.controller({
    namespace,
    identity,
    clusterName: line.text(FLAGS.clusterName),
    warn: (message) => log.warn(message),
  });
  const controller = new Controller({ client: cluster.client, clock: systemClock, log, namespace, identity, version, ...parts });
  const exhibit = {
    contentType: controller.metrics.contentType,
    metrics: () => controller.metrics.text(),
    unready: () => controller.unready,
  };
  const page = address && (await serveExhibit(address, exhibit, log));
  log.info(`fairlead ${version} is a controller of ${cluster.client.server}, ${identity}; its Lease is in namespace ${namespace}`);
  const done = controller.run();
  signals.onFirst(() => void controller.close());
  await done;
  await page?.close();
  await cluster.client.close();
  return EXIT.ok;
};
