/** `main.ts up` starts a cluster with Fairlead that outlives the command, `main.ts down` removes it. */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sweep } from '../../tests/lab/record.ts';
import { usage } from './commands.ts';
import { FOLDER, forget, holder, isReady, LOG, readLog, writePid } from './state.ts';

const POLL_MS = 100;

async function up(): Promise<void> {
  if (holder() === undefined) start();
  let printed = 0;
  for (;;) {
    const ready = isReady();
    const log = readLog();
    process.stdout.write(log.slice(printed));
    printed = log.length;
    if (ready) break;
    if (holder() === undefined && readLog().length === printed) throw new Error('the cluster did not start: see the lines above');
    await sleep(POLL_MS);
  }
  process.stdout.write(`\n${usage()}`);
}

/** A process of its own holds the cluster, and takes it along when it ends. */
function start(): void {
  sweep();
  forget();
  mkdirSync(FOLDER, { recursive: true });
  process.stdout.write('==> starting etcd, the API server and three nodes\n');
  const log = openSync(LOG, 'w');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hold.ts')], { detached: true, stdio: ['ignore', log, log] });
  writePid(child.pid ?? 0);
  child.unref();
}

async function down(): Promise<void> {
  const pid = holder();
  if (pid !== undefined) process.kill(pid, 'SIGTERM');
  while (holder() !== undefined) await sleep(POLL_MS);
  sweep();
  forget();
  process.stdout.write(pid === undefined ? 'there is no cluster\n' : 'the cluster is gone\n');
}

try {
  if (process.getuid?.() !== 0) throw new Error('the cluster makes network namespaces: run this as root, for example "sudo make cluster"');
  await (process.argv[2] === 'down' ? down() : up());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
