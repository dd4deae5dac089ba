import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { crdName } from '../../src/api/crd.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { program } from '../../tools/programs/programs.ts';
import { blocks, page, ROOT, section } from '../docs/markdown.ts';
import { accountObjects, grantsOf } from '../kubernetes/accounts.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { CommandFailed, Running } from '../lab/process.ts';

/** The commands under each heading of the page, in order. */
const text = page('docs/install.md').text;
const commands = (heading: string): readonly string[] =>
  blocks(section(text, heading))
    .filter(({ language }) => language === 'sh')
    .map((block) => block.text);

const [install = '', privately = ''] = commands('## With Helm');
const [apply = '', applyAnother = ''] = commands('## With one file');
const [upgrade = '', applyAgain = '', definitionsFirst = ''] = commands('## Upgrade');
const [takeOver = ''] = commands('## From one to the other');
const [uninstall = '', removeFile = '', removeDefinitions = ''] = commands('## Uninstall');

const DEFINITIONS = KINDS.map((kind) => `customresourcedefinition.apiextensions.k8s.io/${crdName(kind)}`).toSorted();

let plane: ControlPlane;
let folder: string;

before(async () => {
  plane = await startControlPlane({ controllerManager: true });
  folder = join(plane.folder, 'docs');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const each of ['charts', 'deploy']) symlinkSync(join(ROOT, each), join(folder, each));
  const command = (name: string, body: string) => writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const environment = `env HOME='${folder}' KUBECONFIG='${plane.kubeconfig}'`;
  command('kubectl', `exec ${environment} '${program('kubectl')}' "$@"`);
  // Jobs do not run here: there is no kubelet.
  command('helm', `[ "$1" != uninstall ] || set -- "$@" --no-hooks\nexec ${environment} '${program('helm')}' "$@"`);
  command('fairlead', `exec ${environment} '${process.execPath}' '${ROOT}/src/bin/fairlead.ts' "$@"`);
});
after(() => plane.stop());
afterEach(async () => {
  await plane.kubectl(['delete', 'namespace', 'fairlead-system', '--ignore-not-found']);
});

/** Standard output. @throws CommandFailed */
async function run(...scripts: readonly string[]): Promise<string> {
  const script = `set -e\ncd '${folder}'\nexport PATH='${folder}/bin':"$PATH"\n${scripts.join('\n')}`;
  const child = new Running('sh', ['-c', script]);
  child.finishInput();
  const result = await child.ended;
  if (result.code !== 0) throw new CommandFailed(script, result);
  return result.stdout;
}

/** What there is of ours, by kind and name. */
async function installed(): Promise<readonly string[]> {
  const kinds = 'crd,clusterrole,validatingadmissionpolicy,deployment,daemonset';
  const names = await plane.kubectl(['get', kinds, '-A', '-l', 'app.kubernetes.io/part-of=fairlead', '-o', 'name']);
  return names.split('\n').filter((name) => name !== '');
}

describe('docs/install.md', () => {
  it('has no command that is not run here', () => {
    const all = blocks(text).filter(({ language }) => language === 'sh');
    const known = [
      install,
      privately,
      apply,
      applyAnother,
      upgrade,
      applyAgain,
      definitionsFirst,
      takeOver,
      uninstall,
      removeFile,
      removeDefinitions,
    ];
    assert.deepEqual(all.map((block) => block.text).sort(), [...known].sort());
  });

  it('installs, upgrades and uninstalls with Helm', async () => {
    assert.match(await run(install), /daemon set "fairlead-agent" successfully rolled out/);
    await run(privately);
    const image = [
      'get',
      'daemonset',
      'fairlead-agent',
      '-n',
      'fairlead-system',
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    ];
    assert.match(await plane.kubectl(image), /^registry\.example\.org\/net\/fairlead@sha256:/);
    await run(upgrade);
    assert.match(await plane.kubectl(image), /^registry\.example\.org\//);
    await run(uninstall);
    assert.deepEqual(await installed(), DEFINITIONS);
    await run(removeDefinitions);
    assert.deepEqual(await installed(), []);
  });

  it('leaves definitions to somebody else', async () => {
    await run(install, definitionsFirst);
    const names = await installed();
    for (const each of DEFINITIONS) assert.ok(names.includes(each), each);
    await run(definitionsFirst, uninstall, removeDefinitions);
    assert.deepEqual(await installed(), []);
  });

  it('installs, upgrades and removes with one file', async () => {
    assert.match(await run(apply), /successfully rolled out/);
    await run(applyAnother, applyAgain);
    assert.match(await run(removeFile), /the cluster is clean[\s\S]*daemonset\.apps "fairlead-agent" deleted/);
    assert.deepEqual(await installed(), []);
  });

  it('goes from one file to Helm', async () => {
    await run(apply, takeOver, uninstall, removeDefinitions);
    assert.deepEqual(await installed(), []);
  });

  it('says the same as the page of the chart', () => {
    assert.ok(page('charts/fairlead/README.md').text.includes(install.split('\n').slice(0, 3).join('\n')));
  });
});

/** `fairlead-agent list nodes`, for every right in the table. */
function rightsInTable(): readonly string[] {
  const rows = section(page('docs/security.md').text, '## Accounts in the cluster').matchAll(/^\| `([\w-]+)` \| (.*?) \| (.*?) \|/gm);
  return [...rows].flatMap(([, account, resources = '', verbs = '']) =>
    [...resources.matchAll(/`(.*?)`/g)].flatMap(([, resource]) => verbs.split(', ').map((verb) => `${account} ${verb} ${resource}`)),
  );
}

describe('docs/security.md', () => {
  it('has the rights of each account', async () => {
    const objects = await accountObjects();
    const granted = ['fairlead-agent', 'fairlead-controller', 'fairlead-uninstall'].flatMap((account) => grantsOf(account, objects));
    const words = granted.map(
      ({ account, verb, resource, subresource }) => `${account} ${verb} ${resource}${subresource && `/${subresource}`}`,
    );
    assert.deepEqual([...rightsInTable()].sort(), words.sort());
  });
});
