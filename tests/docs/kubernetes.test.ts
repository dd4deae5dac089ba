import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { program } from '../../tools/programs/programs.ts';
import { type Fleet, startFleet } from '../lab/fleet.ts';
import { type Block, blocks, page, ROOT, section } from './markdown.ts';
import { sessionScript } from './session.ts';

/** The commands of the pages in a shell, in a fleet: `make cluster` gives the same commands for real nodes. */
let fleet: Fleet;

before(async () => {
  fleet = await startFleet();
});
after(() => fleet?.close());

// First: what is undone in the quick start stays in the reports.
test('docs/kubernetes.md does what it says', () => follow(blocks(page('docs/kubernetes.md').text), /^kubectl get\b/));

test('the quick start of the README with a cluster does what it says', () =>
  follow(
    blocks(section(page('README.md').text, '## Five minutes with a cluster')),
    /^(kubectl (get|fairlead status)|on .* ip route show)\b/,
  ));

test('the backup of docs/operations.md can be restored', async () => {
  await run(`kubectl create -f '${ROOT}/examples/quick-start/on-prem.yaml'`);
  const [backup = '', restore = ''] = blocks(section(page('docs/operations.md').text, '## Backup'))[0]?.text.split('\n') ?? [];
  await run(`cd "$(mktemp -d -p ${fleet.lab.folder})"\n${backup}\nkubectl delete staticroutes --all\n${restore}`);
  assert.match(await run('kubectl get staticroutes -o name'), /^staticroute\.fairlead\.dev\/on-prem$/m);
  await clear();
});

test('the backup of docs/operations.md brings back who has which overlay address', async () => {
  const [backup = '', restore = ''] = blocks(section(page('docs/operations.md').text, '## Backup'))[0]?.text.split('\n') ?? [];
  const served = 'kubectl wait --for=condition=Ready --timeout=60s overlaypool/default >&2';
  const who = `kubectl get nodeoverlayips -o jsonpath='{range .items[*]}{.spec.node} {.spec.addresses} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'`;
  const certain = overlay('NodeOverlayIP', 'n2.default', { node: 'n2', pool: 'default', addresses: ['192.168.100.77/24'] });
  const ranges = [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }];
  const pool = overlay('OverlayPool', 'default', { ipam: { cluster: { ranges } }, interface: { parent: { toward: '10.0.0.0/8' } } });
  const before = await run(`echo '${certain}' | kubectl apply -f - >&2\necho '${pool}' | kubectl apply -f - >&2\n${served}\n${who}`);
  assert.match(before, /^n2 \["192\.168\.100\.77\/24"\] True$/m);
  assert.equal(before.trim().split('\n').length, 3);
  const lost = 'kubectl delete overlaypools --all --timeout=60s >&2\nkubectl delete nodeoverlayips --all --timeout=60s >&2';
  const folder = `cd "$(mktemp -d -p ${fleet.lab.folder})"`;
  assert.equal(await run(`${folder}\n${backup}\n${lost}\n{ ${restore}\n} >&2\n${served}\n${who}`), before);
  await run(lost);
});

/** As JSON, in which a shell finds no quote of its own. */
function overlay(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name }, spec });
}

/** Runs the steps, and leaves no StaticRoute. */
async function follow(steps: readonly Block[], looks: RegExp): Promise<void> {
  assert.ok(steps.filter(({ language, after: command }) => language === 'text' && command).length >= 3);
  await run(sessionScript(steps, { folder: fleet.lab.folder, cwd: ROOT, looks }));
  await clear();
}

function clear(): Promise<string> {
  return run('kubectl delete staticroutes --all');
}

/** Answers what a script prints. @throws AssertionError with all of it when it fails */
async function run(script: string): Promise<string> {
  const own = commands();
  // A cluster of somebody's own may be there at the same time.
  const ours = script.replaceAll('/run/fairlead-cluster/bin', own);
  const { code, stdout, stderr } = await fleet.lab.host('api').run('env', `PATH=${own}:${process.env['PATH']}`, 'sh', '-c', ours);
  assert.equal(code, 0, `${stdout}${stderr}\n${fleet.log}`);
  return stdout;
}

/** A folder with the commands that reach into the fleet. */
function commands(): string {
  const { lab, plane } = fleet;
  const folder = join(lab.folder, 'bin');
  mkdirSync(folder, { recursive: true });
  const write = (name: string, body: string): void => writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  write('kubectl', `exec env HOME='${plane.folder}' KUBECONFIG='${plane.kubeconfig}' '${program('kubectl')}' "$@"`);
  write('kubectl-fairlead', `exec '${ROOT}/bin/kubectl-fairlead' "$@"`);
  const prefix = lab.host('api').namespace.replace(/api$/, '');
  write('on', `host=$1\nshift\nexec nsenter --net="/run/netns/${prefix}$host" "$@"`);
  // Such a cluster is here already.
  write('make', 'exit 0');
  return folder;
}
