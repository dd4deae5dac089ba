import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../lab/host.ts';
import type { Running } from '../lab/process.ts';

/** Said by `ip` when it lists devices while the namespace of a device's other end, in another lab, goes away. No event is lost by that. */
const FOREIGN_NETNS = 'Error: Peer netns reference is invalid.\n';

/** Never ours, and in a table of its own, so that nothing depends on it. */
const CANARY_TABLE = 4711;

/** Everything that happens to the routes of a host, as `ip monitor route` prints it. */
export class RouteMonitor {
  readonly #host: Host;
  readonly #process: Running;
  #canaries = 0;

  private constructor(host: Host, process: Running) {
    this.#host = host;
    this.#process = process;
  }

  /** Resolves when it hears. */
  static async start(host: Host): Promise<RouteMonitor> {
    const monitor = new RouteMonitor(host, host.spawn('ip', 'monitor', 'route'));
    while (!monitor.#process.stdout.includes(`table ${CANARY_TABLE}`)) {
      await monitor.#sendCanary();
      await sleep(5);
    }
    return monitor;
  }

  /** All events so far but those of the canaries, one a line. @throws AssertionError when some were lost */
  async events(): Promise<readonly string[]> {
    const canary = await this.#sendCanary();
    await this.#process.printed(new RegExp(`^blackhole ${canary}.*$`, 'm'));
    assert.equal(this.#process.stderr.replaceAll(FOREIGN_NETNS, ''), '', 'the monitor lost events');
    return this.#process.stdout.split('\n').filter((line) => line !== '' && !line.includes(`table ${CANARY_TABLE}`));
  }

  /** Events about routes with our mark. */
  async ownEvents(): Promise<readonly string[]> {
    return (await this.events()).filter((line) => / proto 201( |$)/.test(line));
  }

  /** Prefixes of routes with our mark that were taken away, by whom ever. A replacement in place is none. */
  async deletions(): Promise<readonly string[]> {
    return (await this.ownEvents()).filter((line) => line.startsWith('Deleted ')).map((line) => line.split(' ')[1] ?? '');
  }

  async #sendCanary(): Promise<string> {
    const prefix = `198.18.${this.#canaries >> 8}.${this.#canaries++ & 255}`;
    for (const verb of ['add', 'del']) await this.#host.ip(`route ${verb} blackhole ${prefix}/32 table ${CANARY_TABLE} proto 99`);
    return prefix;
  }
}
