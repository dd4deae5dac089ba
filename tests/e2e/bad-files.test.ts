import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bystander, besideGood } from './beside-good.ts';
import { documents, nodeObject, staticRoute, wanted } from './support.ts';

const SUBNET = '172.16.0.0/16';
const OTHER = '172.17.0.0/16';
const BROKEN = 'apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: second\nspec: {}\n';

const bomb = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`),
];

/** Files of which nothing can be used, and the problem that names each. */
const UNUSABLE: Readonly<Record<string, readonly [content: string | Buffer, message: RegExp, line?: number]>> = {
  'broken.yaml': [BROKEN, /not valid YAML.*nothing of this file is in force/, 4],
  'broken.json': ['{"apiVersion": "v1",\n "kind": }\n', /not valid JSON/, 2],
  'tabs.yml': ['spec:\n\tsubnets: []\n', /not valid YAML/, 2],
  'kind.yaml': [staticRoute('kind', [SUBNET]).replace('StaticRoute', 'StaticRouter'), /StaticRouter.*StaticRoute/, 1],
  'group.yaml': [staticRoute('group', [SUBNET]).replace('fairlead.dev/v1alpha1', 'fairlead.dev/v9'), /v1alpha1/, 1],
  'scalar.yaml': ['just some words\n', /./, 1],
  'nul.yaml': [Buffer.from([0x61, 0, 0x62]), /NUL/],
  'latin1.yaml': [Buffer.from('name: Z\xfcrich\n', 'latin1'), /UTF-8/],
  'bomb.yaml': [`${bomb.join('\n')}\n`, /alias/],
  'deep.yaml': ['['.repeat(100_000), /nested/],
  'large.yaml': [`#${'x'.repeat(79)}\n`.repeat(131_072), /is 10\.\d MiB large.*split/],
  'large.json': [`[${' '.repeat(10 << 20)}]`, /is 10\.\d MiB large.*split/],
};

async function brokenBesideGood({ agent, says, complains, routes, recovered }: Bystander): Promise<void> {
  agent.write('second.yaml', documents(staticRoute('second', [SUBNET]), staticRoute('third', [OTHER])));
  await says('third', 'Ready');
  agent.write('second.yaml', BROKEN);
  await complains('second.yaml', /not valid YAML.*last good version from 20\d\d-.*Z stays in force/, 4);
  await says('second', 'Ready');
  await routes(...wanted([SUBNET, OTHER]));
  agent.write('second.yaml', staticRoute('third', [OTHER]));
  await routes(...wanted([OTHER]));
  agent.remove('second.yaml');
  await recovered();
}

besideGood('broken files beside good ones', {
  'a file that breaks keeps its last good version, and says so with its line': brokenBesideGood,

  'a good document beside one of an unknown kind in the same file is in force': async ({ agent, says, complains, recovered }) => {
    agent.write(
      'mixed.yaml',
      documents('apiVersion: fairlead.dev/v1alpha1\nkind: StatRoute\nmetadata: {name: x}\n', staticRoute('mixed', [SUBNET])),
    );
    await complains('mixed.yaml', /StatRoute/, 1);
    await says('mixed', 'Ready');
    agent.remove('mixed.yaml');
    await recovered();
  },

  'files of which nothing can be used': async ({ agent, complains, routes, recovered }, t) => {
    for (const [name, [content]] of Object.entries(UNUSABLE)) writeFileSync(join(agent.options.manifests, name), content);
    for (const [name, [, message, line]] of Object.entries(UNUSABLE)) await t.test(name, () => complains(name, message, line));
    await routes();
    for (const name of Object.keys(UNUSABLE)) agent.remove(name);
    await recovered();
  },

  'what is no file': async ({ agent, node, complains, routes, recovered }) => {
    const path = (name: string) => join(agent.options.manifests, name);
    await node.check('mkfifo', path('pipe.yaml'));
    symlinkSync('/nowhere/at/all.yaml', path('link.yaml'));
    symlinkSync('loop.yaml', path('loop.yaml'));
    mkdirSync(path('folder.yaml'));
    writeFileSync(path('folder.yaml/inner.yaml'), staticRoute('inner', [SUBNET]));
    await complains('pipe.yaml', /not a regular file/);
    await complains('link.yaml', /link to nothing/);
    await complains('loop.yaml', /ELOOP/);
    await routes(...wanted([SUBNET]));
    for (const name of ['pipe.yaml', 'link.yaml', 'loop.yaml', 'folder.yaml']) rmSync(path(name), { recursive: true });
    await recovered();
  },

  'one object in two files: the first file counts, the other is named': async ({ agent, says, complains, routes, recovered }) => {
    agent.write('x.yaml', staticRoute('twice', [SUBNET]));
    agent.write('y.yaml', staticRoute('twice', [OTHER]));
    await complains('y.yaml', /StaticRoute twice is already defined at x\.yaml:1/, 1);
    await says('twice', 'Ready');
    await routes(...wanted([SUBNET]));
    agent.remove('x.yaml');
    await routes(...wanted([OTHER]));
    agent.remove('y.yaml');
    await recovered();
  },

  'files that come and go while they are read': async ({ agent, says, routes, recovered }) => {
    const large = documents(...Array.from({ length: 100 }, (_, i) => nodeObject(`other-${i}`, { place: 'elsewhere' })));
    for (let i = 0; i < 200; i++) {
      writeFileSync(join(agent.options.manifests, `brief-${i % 7}.yaml`), large.slice(0, 1000 * (i % 11)));
      if (i % 3 > 0) rmSync(join(agent.options.manifests, `brief-${i % 7}.yaml`));
      await new Promise(setImmediate);
    }
    agent.write('after.yaml', staticRoute('after', [SUBNET]));
    await says('after', 'Ready');
    await routes(...wanted([SUBNET]));
    for (let i = 0; i < 7; i++) rmSync(join(agent.options.manifests, `brief-${i}.yaml`), { force: true });
    agent.remove('after.yaml');
    await recovered();
    assert.doesNotMatch(agent.log, /ENOENT/);
  },
});
