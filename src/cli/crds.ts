import { type Context, EXIT } from './command.ts';

/** `fairlead crds`: for `kubectl apply -f -`. */
export async function run({ terminal, adapters }: Context): Promise<number> {
  terminal.out(await adapters.crds());
  return EXIT.ok;
}
