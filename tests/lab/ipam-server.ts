import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import type { Running } from './process.ts';

const PORT = 8090;
const POLL_MS = 10;

/** As the fake one takes it: by its number. */
export type IpamSubnets = Readonly<Record<number, { readonly cidr: string; readonly gateway: string }>>;

/** A phpIPAM beside the API server of a fleet: the fake one as a process of its own (tools/phpipam.ts). */
export class IpamServer {
  readonly url: string;
  readonly #process: Running;

  private constructor(process: Running, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start({ lab, plane: { address } }: Fleet, subnets: IpamSubnets): Promise<IpamServer> {
    const tool = join(import.meta.dirname, 'tools', 'phpipam.ts');
    const server = lab.host('api').spawn(process.execPath, tool, address, `${PORT}`, JSON.stringify(subnets));
    await server.printed(/listening/);
    return new IpamServer(server, `http://${address}:${PORT}`);
  }

  /** Its answer. One line at a time. @throws Error when it has ended */
  async tell(line: string): Promise<string> {
    const before = this.#process.stdout.length;
    this.#process.tell(line);
    for (;;) {
      const answer = this.#process.stdout.slice(before);
      if (answer.includes('\n')) return answer.trim();
      if (!this.#process.isRunning) throw new Error(`phpIPAM has ended: ${this.#process.stderr}`);
      await sleep(POLL_MS);
    }
  }

  /** How often each kind of request has come so far: `POST addresses`. */
  async calls(): Promise<Readonly<Record<string, number>>> {
    return JSON.parse(await this.tell('calls'));
  }

  /** What is recorded for nodes: `192.168.100.2 n1.default`. */
  async records(): Promise<readonly string[]> {
    const rows = JSON.parse(await this.tell('rows')) as readonly {
      readonly ip: string;
      readonly hostname: string;
      readonly owner?: string;
    }[];
    return rows
      .filter(({ owner }) => owner?.startsWith('fairlead:'))
      .map(({ ip, hostname }) => `${ip} ${hostname}`)
      .sort();
  }
}
