import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type ApiClient, ApiError } from '../../src/cluster/api-client.ts';
import { WIDGETS, widget } from '../../src/cluster/contract/api-widgets.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';
import { Reflector, type ReflectorOptions } from '../../src/cluster/reflector.ts';
import { ManualClock } from '../agent/clock.ts';

/** A reflector of widgets whose value is their `spec.size`, on a clock that the test moves. */
export class ReflectorStage {
  readonly api = new FakeApi();
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  readonly bugs: unknown[] = [];
  /** What listeners saw, each time. */
  readonly heard: string[] = [];
  readonly reflector: Reflector<unknown>;

  constructor(test: TestContext, options: Partial<ReflectorOptions<unknown>> & { readonly wrap?: (api: FakeApi) => ApiClient } = {}) {
    this.api.serve(WIDGETS);
    const { wrap = (api): ApiClient => api, ...rest } = options;
    this.reflector = new Reflector<unknown>({
      client: wrap(this.api),
      type: WIDGETS,
      convert: (object) => (object['spec'] as { readonly size?: unknown } | undefined)?.size,
      clock: this.clock,
      onWarning: (message) => this.warnings.push(message),
      onBug: (error) => this.bugs.push(error),
      random: () => 0.5,
      ...rest,
    });
    this.reflector.watch(() => this.heard.push(this.told));
    test.after(() => this.close());
  }

  /** `a=1 b=2`, sorted. */
  get told(): string {
    return [...this.reflector.items]
      .map(([key, { value }]) => `${key}=${String(value)}`)
      .sort()
      .join(' ');
  }

  async start(): Promise<void> {
    this.reflector.start();
    await settle();
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds, settle);
  }

  /** How often something was asked: `list`, `watch`. */
  count(verb: string): number {
    return this.api.calls.filter((call) => call.verb === verb).length;
  }

  async close(): Promise<void> {
    await this.reflector.close();
    await settle();
    assert.equal(this.api.world.openWatches, 0);
    assert.equal(this.clock.waiting, 0);
  }
}

/** Lets all that can happen without the clock happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

/** A widget with something in it. */
export const sized = (name: string, size: number, labels?: Record<string, string>): ReturnType<typeof widget> =>
  widget(name, { spec: { size } }, labels);

export function refuse(status: number, reason: string, retryAfter?: number): ApiError {
  return new ApiError(`the server says ${reason}`, { status, reason, ...(retryAfter !== undefined && { retryAfter }) });
}

/** The same client, but for some methods. */
export function altered(api: FakeApi, methods: Partial<ApiClient>): ApiClient {
  return new Proxy<ApiClient>(api, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
