import { Running } from './process.ts';

/** Commands that a lab runs, and the Debian package of each. */
const COMMANDS = { ip: 'iproute2', ping: 'iputils-ping', tcpdump: 'tcpdump' } as const;

export class MissingPrerequisite extends Error {
  override readonly name = 'MissingPrerequisite';
}

/** @throws MissingPrerequisite saying what to do */
export async function requirePrerequisites(): Promise<void> {
  if (process.getuid?.() !== 0) throw new MissingPrerequisite('network namespaces need root: run this as root (sudo)');
  const names = Object.keys(COMMANDS);
  const probe = new Running('sh', ['-c', `for c in ${names.join(' ')}; do command -v $c >/dev/null || echo $c; done`]);
  probe.finishInput();
  const missing = (await probe.ended).stdout.split('\n').filter((name) => name !== '');
  if (missing.length === 0) return;
  const packages = Object.entries(COMMANDS).flatMap(([name, pack]) => (missing.includes(name) ? [pack] : []));
  throw new MissingPrerequisite(`missing command ${missing.join(', ')}: apt-get install -y ${packages.join(' ')}`);
}
