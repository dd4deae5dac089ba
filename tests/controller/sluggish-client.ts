import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../src/cluster/api-client.ts';

/** Another client, whose requests are late on their way there and back, and whose watches are behind. `delay`: milliseconds. */
export function sluggish(client: ApiClient, delay: () => number): ApiClient {
  const late = async <T>(ask: () => Promise<T>): Promise<T> => {
    await sleep(delay());
    try {
      return await ask();
    } finally {
      await sleep(delay());
    }
  };
  return {
    server: client.server,
    get: (...question) => late(() => client.get(...question)),
    list: (...question) => late(() => client.list(...question)),
    create: (...question) => late(() => client.create(...question)),
    replace: (...question) => late(() => client.replace(...question)),
    apply: (...question) => late(() => client.apply(...question)),
    delete: (...question) => late(() => client.delete(...question)),
    async *watch(...question) {
      for await (const events of client.watch(...question)) {
        await sleep(delay());
        yield events;
      }
    },
    close: () => client.close(),
  };
}
