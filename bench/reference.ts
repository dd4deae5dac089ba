import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Host } from '../tests/lab/host.ts';
import { GATEWAY, OTHER_GATEWAY } from './world.ts';

const SOURCE = join(import.meta.dirname, 'reference.c');

/** Milliseconds that the writes took. */
export interface Cycle {
  readonly add: number;
  readonly replace: number;
  readonly remove: number;
}

/** The C program that does only the netlink writes. */
export class Reference {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  /** Compiles it into a folder. @throws Error with what to install */
  static build(folder: string): Reference {
    const program = join(folder, 'reference');
    const run = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', SOURCE, '-o', program], { encoding: 'utf8' });
    if (run.error) throw new Error('no C compiler ("cc"): run "apt-get install gcc libc6-dev linux-libc-dev"');
    if (run.status !== 0) throw new Error(`cc failed to build ${SOURCE}:\n${run.stderr}`);
    return new Reference(program);
  }

  /** Adds, re-routes and removes `count` routes on a host that has none of them. @throws CommandFailed */
  async cycle(host: Host, deviceIndex: number, count: number): Promise<Cycle> {
    const figures = parse(await host.check(this.#program, 'cycle', `${count}`, `${deviceIndex}`, GATEWAY, OTHER_GATEWAY));
    const figure = (name: string): number => figures.get(name) ?? Number.NaN;
    return { add: figure('add'), replace: figure('replace'), remove: figure('remove') };
  }

  /** Removes what an agent has left. @throws CommandFailed when one of them is not there */
  async remove(host: Host, deviceIndex: number, count: number, gateway: string): Promise<void> {
    await host.check(this.#program, 'remove', `${count}`, `${deviceIndex}`, gateway);
  }
}

function parse(output: string): ReadonlyMap<string, number> {
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name = '', value]) => [name, Number(value)]),
  );
}
