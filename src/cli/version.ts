import { type Context, EXIT } from './command.ts';

export async function run({ terminal, version }: Context): Promise<number> {
  terminal.out(`fairlead ${version} (Node ${process.versions.node})\n`);
  return EXIT.ok;
}
