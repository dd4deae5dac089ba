/** The process of a client: runs each task that it is sent, and answers with what it measured. See ../client-process.ts. */
import { change, enlist } from './fleet.ts';
import { appear, join } from './nodes.ts';
import { burst, changes, comeback, flips, statuses } from './tasks.ts';

const TASKS = { appear, burst, change, changes, comeback, enlist, flips, join, statuses };

export type Tasks = typeof TASKS;
export type Request = { readonly [Name in keyof Tasks]: { readonly name: Name; readonly input: Parameters<Tasks[Name]>[0] } }[keyof Tasks];
export type Answer = { readonly result: unknown } | { readonly error: string };

async function run({ name, input }: Request): Promise<unknown> {
  return (TASKS[name] as (input: unknown) => Promise<unknown>)(input);
}

process.on('message', (request: Request) => {
  void run(request)
    .then((result): Answer => ({ result }))
    .catch((error: unknown): Answer => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
