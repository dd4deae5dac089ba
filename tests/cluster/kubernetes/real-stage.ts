import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kind } from '../../../src/api/define-kind.ts';
import { API_VERSION, GROUP, VERSION } from '../../../src/api/define-kind.ts';
import { clusterNetworkKind } from '../../../src/api/kinds/cluster-network.ts';
import { MANIFEST_KINDS } from '../../../src/api/kinds.ts';
import type { ApiClient, ResourceType, WrittenObject } from '../../../src/cluster/api-client.ts';
import type { SourceHarness, WireObject } from '../../../src/cluster/cluster.contract.ts';
import { LAST_GOOD_FILE, type ResourceSource } from '../../../src/cluster/cluster.ts';
import { type ApiHarness, CONFIG_MAPS, WIDGETS } from '../../../src/cluster/contract/api-widgets.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../../src/cluster/kubernetes/config.ts';
import { openKubernetesSource } from '../../../src/cluster/kubernetes/source.ts';
import { typeOf } from '../../../src/cluster/resource-types.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { ControlPlane } from '../../lab/control-plane.ts';
import { TcpProxy } from '../../lab/tcp-proxy.ts';
import { NETWORK, NETWORKS, NODE, NODES } from './cluster-stage.ts';

const ANY = { 'x-kubernetes-preserve-unknown-fields': true } as const;
const CONDITIONS = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: { type: 'object', required: ['type'], properties: { type: { type: 'string' } }, ...ANY },
} as const;

const WIDGET_CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.contract.fairlead.dev' },
  spec: {
    group: 'contract.fairlead.dev',
    scope: 'Cluster',
    names: { kind: 'Widget', listKind: 'WidgetList', plural: 'widgets', singular: 'widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            ...ANY,
            properties: { status: { type: 'object', ...ANY, properties: { conditions: CONDITIONS } } },
          },
        },
      },
    ],
  },
} as const;

const MANAGER = { fieldManager: 'test' } as const;

/** Widgets, and our kinds with a schema that admits everything: what is wrong must reach the source. */
export async function installTypes(plane: ControlPlane): Promise<void> {
  const kinds: readonly Kind[] = [clusterNetworkKind, ...MANIFEST_KINDS.map(({ definition }) => definition)];
  const crds = [WIDGET_CRD, ...kinds.map(lenientCrd)];
  await plane.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: crds }));
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  const client = await connect(plane);
  for (const type of [WIDGETS, ...kinds.map(typeOf)]) await untilServed(client, type);
  await client.close();
}

function lenientCrd({ kind, plural, scope, selectableFields }: Kind): object {
  const [{ schema, subresources }] = WIDGET_CRD.spec.versions;
  const names = { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() };
  const selectable = selectableFields && {
    selectableFields: selectableFields.map((path) => ({ jsonPath: `.${path}` })),
    schema: { openAPIV3Schema: { ...schema.openAPIV3Schema, properties: { spec: specWith(selectableFields) } } },
  };
  const versions = [{ name: VERSION, served: true, storage: true, subresources, schema, ...selectable }];
  return { ...WIDGET_CRD, metadata: { name: `${plural}.${GROUP}` }, spec: { group: GROUP, scope, names, versions } };
}

/** What objects are selected by must be in the schema. */
function specWith(selectableFields: readonly string[]): object {
  const texts = selectableFields.map((path) => [path.replace('spec.', ''), { type: 'string' }]);
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: Object.fromEntries(texts) };
}

/** The administrator's client; with `proxy`, through that. */
export async function connect(plane: ControlPlane, proxy?: TcpProxy): Promise<ApiClient> {
  const config = await kubernetesConfig({ kubeconfig: plane.kubeconfig, env: {} });
  const server = proxy ? `https://127.0.0.1:${proxy.port}` : config.endpoint.server;
  return openKubernetes({ ...config, endpoint: { ...config.endpoint, server } }, { version: '0', role: 'test' });
}

/** Two clients of one server: one through a proxy, so that it can be cut off, and one past it. */
export class RealStage {
  readonly plane: ControlPlane;
  readonly proxy: TcpProxy;
  readonly client: ApiClient;
  readonly elsewhere: ApiClient;

  constructor(plane: ControlPlane, proxy: TcpProxy, client: ApiClient, elsewhere: ApiClient) {
    this.plane = plane;
    this.proxy = proxy;
    this.client = client;
    this.elsewhere = elsewhere;
  }

  static async open(plane: ControlPlane): Promise<RealStage> {
    const proxy = await TcpProxy.open({ host: plane.address, port: plane.port });
    return new RealStage(plane, proxy, await connect(plane, proxy), await connect(plane));
  }

  async away(): Promise<void> {
    this.proxy.refuse();
    this.proxy.cut();
  }

  async back(): Promise<void> {
    await this.proxy.accept();
  }

  /** Creates or changes an object; resolves when the server has it. */
  async put(object: WireObject): Promise<void> {
    const type = typeNamed(object.kind);
    const { apiVersion = API_VERSION, kind, metadata, status, ...fields }: Readonly<Record<string, unknown>> & WireObject = object;
    const named = { apiVersion: String(apiVersion), kind };
    await this.elsewhere.apply(type, { ...named, metadata, ...fields } as WrittenObject, MANAGER);
    if (status === undefined) return;
    await this.elsewhere.apply(type, { ...named, metadata: { name: metadata.name }, status }, { ...MANAGER, subresource: 'status' });
  }

  delete(object: WireObject): Promise<void> {
    return this.elsewhere.delete(typeNamed(object.kind), object.metadata);
  }

  /** Deletes all that tests may have made. */
  async clear(): Promise<void> {
    for (const type of [WIDGETS, NETWORKS, NODES, ...MANIFEST_KINDS.map(({ definition }) => typeOf(definition))]) {
      await untilServed(this.elsewhere, type);
      for (const { metadata } of (await this.elsewhere.list(type)).items) await this.elsewhere.delete(type, metadata);
    }
    for (const { metadata } of (await this.elsewhere.list(CONFIG_MAPS, { labelSelector: 'of=contract' })).items) {
      await this.elsewhere.delete(CONFIG_MAPS, metadata);
    }
  }

  async close(): Promise<void> {
    await this.clear().finally(() => this.end());
  }

  /** Without deleting anything. */
  async end(): Promise<void> {
    await this.client.close();
    await this.elsewhere.close();
    this.proxy.close();
  }
}

function typeNamed(kind: string): ResourceType {
  const found = [NODES, NETWORKS, ...MANIFEST_KINDS.map(({ definition }) => typeOf(definition))].find((type) => type.kind === kind);
  if (!found) throw new Error(`the test knows no ${kind}`);
  return found;
}

export async function apiHarness(plane: ControlPlane): Promise<ApiHarness> {
  const stage = await RealStage.open(plane);
  return {
    client: stage.client,
    elsewhere: stage.elsewhere,
    away: () => stage.away(),
    back: () => stage.back(),
    expire: async () => {
      await plane.compact();
      await plane.restart();
      await untilServed(stage.elsewhere, WIDGETS);
      await untilServed(stage.client, WIDGETS);
    },
    dispose: () => stage.close(),
  };
}

/** An API server takes a moment until it serves what it has a CRD of. */
export async function untilServed(client: ApiClient, type: ResourceType): Promise<void> {
  for (let served = false; !served; ) {
    served = await client.list(type).then(
      () => true,
      () => sleep(50, false),
    );
  }
}

/** The Node n1, the ClusterNetwork, and the state folder of the agent of n1. */
export async function sourceHarness(plane: ControlPlane): Promise<SourceHarness & { readonly stage: RealStage }> {
  const stage = await RealStage.open(plane);
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-real-'));
  await stage.put(NODE);
  await stage.put(NETWORK);
  const open = (): ResourceSource =>
    openKubernetesSource({ client: stage.client, nodeName: 'n1', clock: systemClock, lastGood: join(folder, LAST_GOOD_FILE) });
  return {
    stage,
    open,
    put: (object) => stage.put(object),
    delete: (object) => stage.delete(object),
    away: () => stage.away(),
    back: () => stage.back(),
    dispose: async () => {
      await stage.close();
      await rm(folder, { recursive: true });
    },
  };
}
