import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { programsFolder } from '../../tools/programs/cache.ts';
import { download } from '../../tools/programs/envtest.ts';
import { build } from '../../tools/programs/go.ts';
import { envtestFolder, findProgram } from '../../tools/programs/programs.ts';
import { Progress } from '../../tools/programs/progress.ts';
import { RECIPES, type Recipe, recipeOf, versionOf } from '../../tools/programs/recipes.ts';
import { Running, runChecked } from '../lab/process.ts';

const MAIN = join(import.meta.dirname, '../../tools/programs/main.ts');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-programs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, text = ''): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

describe('where a program comes from', () => {
  test('the folder that KUBEBUILDER_ASSETS names, then the cache, then the envtest release', () => {
    const environment = { XDG_CACHE_HOME: folder };
    assert.equal(findProgram('etcd', environment), undefined);
    const released = put(join(envtestFolder(environment), 'etcd'));
    assert.equal(findProgram('etcd', environment), released);
    const built = put(join(programsFolder(recipeOf('etcd'), environment), 'etcd'));
    assert.equal(findProgram('etcd', environment), built);
    const named = put(join(folder, 'assets', 'etcd'));
    const withAssets = { ...environment, KUBEBUILDER_ASSETS: join(folder, 'assets') };
    assert.equal(findProgram('etcd', withAssets), named);
    assert.equal(findProgram('kubectl', withAssets), undefined);
  });

  test('every recipe locks its version', () => {
    for (const recipe of RECIPES) assert.match(versionOf(recipe), /^v\d+\.\d+\.\d+$/);
    assert.throws(() => recipeOf('minikube'), /nothing here builds "minikube"/);
  });
});

/** Runs main.ts with nothing in the cache and only these commands, and answers how it ends. */
async function makeKubelet(path: string): Promise<{ readonly code: number; readonly stderr: string }> {
  const environment = [`XDG_CACHE_HOME=${folder}`, `PATH=${path}`, 'GOTOOLCHAIN=local', 'KUBEBUILDER_ASSETS='];
  const child = new Running('env', [...environment, process.execPath, MAIN, 'kubelet']);
  child.finishInput();
  return child.ended;
}

describe('a program that cannot be made', () => {
  test('without Go: names what is missing and what to install', async () => {
    const { code, stderr } = await makeKubelet(join(folder, 'empty'));
    assert.equal(code, 1);
    assert.match(stderr, /there is no "go" in PATH: install Go 1\.26.* or newer.*KUBEBUILDER_ASSETS/);
  });

  test('with an old Go: says how old', async () => {
    put(join(folder, 'bin', 'go'), '#!/bin/sh\necho go version go1.19.8 linux/amd64\n');
    const { code, stderr } = await makeKubelet(join(folder, 'bin'));
    assert.equal(code, 1);
    assert.match(stderr, /Go 1\.19\.8 is too old/);
  });

  test('a build that fails leaves nothing', async () => {
    const recipe: Recipe = { ...recipeOf('kubeconform'), folder: join(folder, 'recipe'), package: '.', module: 'example.com/none' };
    put(join(recipe.folder, 'go.mod'), 'module fairlead.dev/none\n\ngo 1.21\n\nrequire example.com/none v1.0.0\n');
    put(join(recipe.folder, 'main.go'), 'package main\n\nfunc main() { nonsense }\n');
    using progress = new Progress('building something that cannot be built');
    await assert.rejects(build(recipe, join(folder, 'cache', 'none'), progress), /"go build" of kubeconform v1\.0\.0 failed/);
    assert.equal(existsSync(join(folder, 'cache', 'none')), false);
  });
});

describe('the envtest release', () => {
  test('is used when its checksum is right, and else refused', async () => {
    put(join(folder, 'controller-tools', 'envtest', 'etcd'), 'released');
    await runChecked('tar', ['-C', folder, '-czf', join(folder, 'release.tar.gz'), 'controller-tools']);
    const archive = readFileSync(join(folder, 'release.tar.gz'));
    const server = createServer((_, answer) => answer.end(archive)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/release.tar.gz`;
      const target = join(folder, 'envtest');
      await assert.rejects(download({ url, sha512: 'other' }, target), /its SHA-512 is .* not other; it is not used/);
      assert.equal(existsSync(target), false);
      await download({ url, sha512: createHash('sha512').update(archive).digest('base64') }, target);
      assert.equal(readFileSync(join(target, 'etcd'), 'utf8'), 'released');
    } finally {
      server.close();
    }
  });
});
