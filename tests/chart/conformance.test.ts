import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { INSTALL_FILE } from '../../tools/install-manifest.ts';
import { program } from '../../tools/programs/programs.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { createNamespace } from '../lab/kubernetes/objects.ts';
import { type Result, Running } from '../lab/process.ts';
import { CHART, Helm } from './helm.ts';
import { SCHEMA_FILES, writeSchemas } from './schemas.ts';
import { VALUE_SETS } from './value-sets.ts';

const INSTALL = join(CHART, '../..', INSTALL_FILE);

let plane: ControlPlane;
let schemas: string;
const helm = new Helm();

before(async () => {
  plane = await startControlPlane();
  schemas = join(plane.folder, 'schemas');
  mkdirSync(schemas);
  assert.ok((await writeSchemas(plane.api, schemas)) > 100);
  await createNamespace(plane.api, 'fairlead-system');
});
after(async () => {
  helm[Symbol.dispose]();
  await plane.stop();
});

async function kubeconform(text: string): Promise<Result> {
  const child = new Running(program('kubeconform'), ['-strict', '-summary', '-schema-location', join(schemas, SCHEMA_FILES)]);
  child.finishInput(text);
  return child.ended;
}

describe('what the chart renders', () => {
  for (const [name, values] of Object.entries(VALUE_SETS)) {
    it(`conforms to the schemas, and is accepted by the API server, with ${name}`, async () => {
      const text = await helm.run('template', 'fairlead', CHART, '--namespace=fairlead-system', ...values);
      const { code, stdout, stderr } = await kubeconform(text);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /Invalid: 0, Errors: 0, Skipped: 0$/m);
      const said = await plane.kubectl(['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'], text);
      assert.equal(said.trim().split('\n').length, Number(/(\d+) resources? found/.exec(stdout)?.[1]));
    });
  }

  it('is found wrong when it is', async () => {
    const text = await helm.run('template', 'fairlead', CHART, '--show-only=templates/agent.yaml');
    const { code, stdout } = await kubeconform(
      text.replace('hostNetwork:', 'hostNet:').replace('fieldPath: spec.nodeName', 'fieldPath: 3'),
    );
    assert.equal(code, 1);
    assert.match(stdout, /hostNet/);
    assert.match(stdout, /fieldPath/);
  });
});

describe('deploy/install.yaml', () => {
  it('conforms to the schemas', async () => {
    const { code, stdout } = await kubeconform(readFileSync(INSTALL, 'utf8'));
    assert.equal(code, 0, stdout);
  });

  it('applies in one go, and looks afterwards as it was written', async () => {
    const text = readFileSync(INSTALL, 'utf8');
    await plane.kubectl(['apply', '--validate=strict', '-f', '-'], text);
    // Whoever applies the same by the server's ways, as GitOps does, must find nothing to take from anybody.
    await plane.kubectl(['apply', '--server-side', '-f', '-'], text);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const file = join(plane.folder, 'route.yaml');
    writeFileSync(
      file,
      'apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: on-prem}\nspec: {subnets: [192.168.50.0/24]}\n',
    );
    await plane.kubectl(['apply', '-f', file]);
  });

  it('takes everything with it', async () => {
    await plane.kubectl(['delete', '--wait=false', '-f', INSTALL]);
    const kinds =
      'clusterrole,clusterrolebinding,role,rolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,pdb,sa,deployment,ds';
    assert.equal(await plane.kubectl(['get', kinds, '-A', '-l', 'app.kubernetes.io/part-of=fairlead', '-o', 'name']), '');
  });
});
