import { stringify } from 'yaml';
import { CommandFailed, UsageError } from '../runtime/config.ts';
import { type Context, EXIT } from './command.ts';
import { readText } from './files.ts';
import { type Finding, migrateRoutesConfigMap } from './migrate-static-routes.ts';

/**
 * `fairlead migrate FILE...`: our resources on stdout, what could not be used on stderr with file, line and reason.
 * Fails when anything could not be used, so that a script notices.
 */
export async function run({ line, terminal }: Context): Promise<number> {
  if (line.operands.length === 0) throw new UsageError('fairlead migrate: name the files with the manifests of the older system');
  const findings: Finding[] = [];
  const resources: object[] = [];
  for (const file of line.operands) {
    const migrated = migrateRoutesConfigMap(await readText(file), file, new Set(resources.map(nameOf)));
    resources.push(...migrated.resources);
    findings.push(...migrated.findings);
  }
  terminal.out(resources.map((resource) => stringify(resource)).join('---\n'));
  for (const { file, line: at, message } of findings) terminal.err(`${file}:${at}: ${message}\n`);
  if (resources.length === 0 && findings.length === 0) {
    throw new CommandFailed(`nothing to migrate in ${line.operands.join(', ')}: there is no ConfigMap with a "routes" key`);
  }
  return findings.length > 0 ? EXIT.failed : EXIT.ok;
}

function nameOf(resource: object): string {
  return (resource as { readonly metadata: { readonly name: string } }).metadata.name;
}
