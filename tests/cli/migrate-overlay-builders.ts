import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { parseAllDocuments, stringify } from 'yaml';
import { parseDocument } from '../../src/api/parse.ts';
import { Bench } from './support.ts';

export interface Ran {
  readonly status: number;
  readonly objects: readonly Printed[];
  /** The comments above them. */
  readonly notes: readonly string[];
  /** Findings without the folder. */
  readonly findings: readonly string[];
}

export interface Printed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: object };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Runs `migrate` over files that are called f1.yaml, f2.yaml... Everything it prints must be accepted as ours. */
export async function migrate(...texts: readonly string[]): Promise<Ran> {
  let result: Ran | undefined;
  await Bench.with(async (bench) => {
    const files = texts.map((_, i) => bench.path(`f${i + 1}.yaml`));
    for (const [i, file] of files.entries()) await writeFile(file, texts[i] ?? '');
    const { status, out, err } = await bench.run('migrate', ...files);
    const documents = out.replaceAll(/^#.*\n/gm, '') === '' ? [] : parseAllDocuments(out);
    const objects = documents.map((document) => document.toJS() as Printed);
    for (const object of objects) {
      const parsed = parseDocument(object);
      assert.ok(['overlay-pool', 'node-overlay-ip', 'static-route'].includes(parsed.type), JSON.stringify(parsed));
    }
    const findings = err.replaceAll(`${bench.folder}/`, '').split('\n').slice(0, -1);
    result = { status, objects, notes: out.split('\n').filter((line) => line.startsWith('#')), findings };
  });
  assert.ok(result);
  return result;
}

export const settings = `phpIPAM:
  url: https://ipam.example.com
  appID: iks
  subnetMap:
    dal10:
    - 7
    dal12:
    - 8
    - 9
`;

export const indent = (text: string, by: string): string => text.replaceAll(/^(?=.)/gm, by);

export const configMap = (text = settings, name = 'overlay-ip-controller-config'): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  overlay-ip-config.yaml: |
${indent(text, '    ')}`;

export const address = (node: string, ipAddr?: string, more: object = {}): string =>
  stringify({
    apiVersion: 'iks.ibm.com/v1alpha1',
    kind: 'NodeOverlayIp',
    metadata: { name: node, labels: { node, zone: 'dal10' }, finalizers: ['finalizer.iks.ibm.com'], ...more },
    spec: {},
    status: { gateway: '192.168.100.1', ...(ipAddr !== undefined && { ipAddr }) },
  });

export const route = (name: string, spec: object, labels?: object): string =>
  stringify({ apiVersion: 'iks.ibm.com/v1alpha1', kind: 'StaticRoute', metadata: { name, ...(labels && { labels }) }, spec });

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

export const workload = (kind: string, name: string, env: readonly Variable[], pod: object = {}, namespace?: string): string =>
  stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: { template: { spec: { containers: [{ name: 'main', env: [{ name: 'OTHER', value: 'x' }, ...env] }], ...pod } } },
  });

export const agents = (pod: object = {}, parent: object = { value: 'eth0' }, device: object = { value: 'tmp0' }): string =>
  workload(
    'DaemonSet',
    'overlay-network-pod',
    [
      { name: 'INTERFACE', ...parent },
      { name: 'INTERFACE_LABEL', ...device },
    ],
    pod,
  );

export const fromSecret = (name: string, key: string): object => ({ valueFrom: { secretKeyRef: { name, key } } });

export const controller = (username: object, password: object, namespace?: string): string =>
  workload(
    'Deployment',
    'overlay-ip-controller',
    [
      { name: 'PHPIPAM_USERNAME', ...username },
      { name: 'PHPIPAM_PASSWORD', ...password },
    ],
    {},
    namespace,
  );

/** The line on which something stands for the first time. */
export const lineOf = (text: string, what: string): number => text.slice(0, text.indexOf(what)).split('\n').length;

export const together = (...documents: readonly string[]): string => documents.join('---\n');

/** `spec.ipam.phpIPAM` of the pool. */
export const phpIPAM = (ran: Ran): PhpIPAM => (specOf(ran, 'OverlayPool') as { ipam: { phpIPAM: PhpIPAM } }).ipam.phpIPAM;

export interface PhpIPAM {
  readonly url: string;
  readonly subnetMap: object;
  readonly credentialsSecret: string;
}

export const specOf = ({ objects }: Ran, kind: string): unknown => objects.find((object) => object.kind === kind)?.spec;
