import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../lab/host.ts';
import type { Running } from '../../lab/process.ts';
import { until } from '../support.ts';

const POLL_MS = 20;

/** Echo requests from a pod or a host, one every 10 ms. */
export class PacketStream {
  readonly #process: Running;
  readonly #name: string;

  private constructor(process: Running, name: string) {
    this.#process = process;
    this.#name = name;
  }

  /**
   * Resolves when the first answer is there.
   * @param pid a process in the pod, as this machine numbers it
   */
  static async start(node: Host, pid: number, destination: string): Promise<PacketStream> {
    const child = node.spawn('nsenter', `--net=/proc/${pid}/ns/net`, ...ping(destination));
    return PacketStream.#flowing(child, `from the pod on ${node.name} to ${destination}`);
  }

  /** The same from a host itself. */
  static async startOn(host: Host, destination: string): Promise<PacketStream> {
    return PacketStream.#flowing(host.spawn(...ping(destination)), `from ${host.name} to ${destination}`);
  }

  static async #flowing(child: Running, name: string): Promise<PacketStream> {
    await child.printed(/icmp_seq=/);
    return new PacketStream(child, name);
  }

  /** Ends it, and answers how many were sent and which of them had no answer. @throws Error when none comes any more */
  async stop(): Promise<{ readonly sent: number; readonly lost: readonly number[] }> {
    // The last ones are still under way: what was sent until now counts when a later one has come back.
    const last = Math.max(...this.#answered());
    await until(
      () => Math.max(...this.#answered()) > last + 10,
      () => `${this.#name}: no answer after number ${last}`,
    );
    const answered = this.#answered();
    await sleep(POLL_MS);
    this.#process.kill('SIGKILL');
    await this.#process.ended;
    const late = this.#answered();
    const sent = Math.max(...answered);
    return { sent, lost: Array.from({ length: sent }, (_, index) => index + 1).filter((number) => !late.has(number)) };
  }

  #answered(): ReadonlySet<number> {
    return new Set([...this.#process.stdout.matchAll(/icmp_seq=(\d+) ttl=/g)].map(([, number]) => Number(number)));
  }
}

function ping(destination: string): readonly [string, ...string[]] {
  return ['ping', '-n', '-i', '0.01', destination];
}
