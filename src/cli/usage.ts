import { type CommandLine, FLAGS, parseCommandLine, UsageError } from '../runtime/config.ts';
import type { Command } from './command.ts';

/** What a person wrote after the name of a command. @throws UsageError also for an operand where none belongs */
export function readUsage(command: Command, args: readonly string[]): CommandLine {
  const line = parseCommandLine(command.name, args, command.flags);
  if (line.operands.length === 0 || command.operands !== undefined || line.has(FLAGS.help)) return line;
  const meant = command.flags.some((flag) => flag.name === FLAGS.manifests.name)
    ? '; the folder with resources is named by --manifests DIR'
    : '';
  throw new UsageError(`fairlead ${command.name}: unexpected "${line.operands.join(' ')}"${meant}`);
}
