import { EXIT } from '../cli/command.ts';
import { COMMANDS } from '../cli/commands.ts';
import { commandHelp, overview } from '../cli/help.ts';
import { openTerminal } from '../cli/terminal.ts';
import { readUsage } from '../cli/usage.ts';
import { CommandFailed, coloursWanted, FLAGS, UsageError } from '../runtime/config.ts';
import { adapters } from './adapters.ts';
import { VERSION } from './version.ts';

const terminal = openTerminal(
  { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) },
  coloursWanted(process.stdout),
);

/** Finds the command, runs it, and turns its three kinds of errors into exit statuses. */
async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = COMMANDS.find((candidate) => candidate.name === (name === '--version' ? 'version' : name));
  if (!command) throw new UsageError(`fairlead: there is no command "${name}"; see "fairlead --help"`);
  const line = readUsage(command, args);
  if (line.has(FLAGS.help)) {
    terminal.out(commandHelp(command));
    return EXIT.ok;
  }
  return command.run({ line, terminal, adapters, version: VERSION });
}

// Whoever read our output may be gone (`fairlead plan | head`, a log that rotates): that is no reason to stop.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`fairlead: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
}

/** Errors that were foreseen are one line. */
function fail(error: unknown): void {
  if (error instanceof UsageError || error instanceof CommandFailed) terminal.err(`${error.message}\n`);
  else terminal.err(`fairlead failed unexpectedly; please report this\n${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
}

// Not awaited here: what a command loads later imports from this module, and would wait for its end. Failed until the opposite is known.
process.exitCode = EXIT.failed;
main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
}, fail);
