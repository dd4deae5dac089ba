import { FLAGS, type Flag } from '../runtime/config.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { columns } from './text.ts';

/** What `fairlead` and `fairlead --help` print. */
export function overview(): string {
  const list = columns(COMMANDS.map((command) => [`  ${command.name}`, command.summary]));
  return `fairlead connects Kubernetes nodes to the private networks outside the cluster.\n\nUsage: fairlead COMMAND [flags]\n\n${list}\n\n"fairlead COMMAND --help" explains one command.\n`;
}

/** What `fairlead COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const usage = ['fairlead', command.name, command.flags.length > 0 ? '[flags]' : '', command.operands ?? ''].filter(Boolean).join(' ');
  const flags = columns([...command.flags, FLAGS.help].map((flag) => [`  ${flagText(flag)}`, flagHelp(flag)]));
  return `${capital(command.summary)}.\n\nUsage: ${usage}\n\n${flags}\n`;
}

export function flagText(flag: Flag): string {
  return `${flag.short ? `-${flag.short}, ` : ''}--${flag.name}${flag.value ? ` ${flag.value}` : ''}`;
}

export function flagHelp(flag: Flag): string {
  const choices = flag.choices ? `: ${flag.choices.join(', ')}` : '';
  return `${flag.help}${choices}${flag.default === undefined ? '' : ` (default: ${flag.default})`}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
