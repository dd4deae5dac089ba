import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/** Runs the tests: all of them, or the files whose path contains one of the arguments. Needs root, for network namespaces. */
const root = new URL('..', import.meta.url).pathname;
const wanted = process.argv.slice(2);
const files = globSync('tests/**/*.test.ts', { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

if (process.getuid?.() !== 0) {
  process.stderr.write('the tests make network namespaces: run them as root, for example "sudo make test"\n');
  process.exit(1);
}
if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--test', '--test-concurrency=2', '--test-timeout=600000', ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
