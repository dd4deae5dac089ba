import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { CLUSTER_NETWORK, clusterNetworkKind } from '../../../src/api/kinds/cluster-network.ts';
import { nodeOverlayIPKind } from '../../../src/api/kinds/node-overlay-ip.ts';
import { nodeReportKind } from '../../../src/api/kinds/node-report.ts';
import { KINDS, MANIFEST_KINDS } from '../../../src/api/kinds.ts';
import type { ApiClient, ResourceType } from '../../../src/cluster/api-client.ts';
import type { WireObject } from '../../../src/cluster/cluster.contract.ts';
import { LAST_GOOD_FILE, type ResourceSource } from '../../../src/cluster/cluster.ts';
import { FakeApi } from '../../../src/cluster/fake-api.ts';
import { openKubernetesSource } from '../../../src/cluster/kubernetes/source.ts';
import { typeOf } from '../../../src/cluster/resource-types.ts';
import { type Clock, systemClock } from '../../../src/runtime/clock.ts';

export const NODES: ResourceType = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
export const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { zone: 'a' } } } as const;
export const NETWORK = {
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'ClusterNetwork',
  metadata: { name: CLUSTER_NETWORK },
  status: { podRanges: ['10.244.0.0/16'] },
} as const;
export const NETWORKS = typeOf(clusterNetworkKind);
export const REPORTS = typeOf(nodeReportKind);
export const ROUTES: ResourceType = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', plural: 'staticroutes', namespaced: false };
export const ADDRESSES = typeOf(nodeOverlayIPKind.definition);

/** A cluster in memory with the Node n1, where the controller has been; and the state folder of the agent of n1. */
export class ClusterStage {
  readonly api = new FakeApi();
  readonly folder: string;
  readonly warnings: string[] = [];
  readonly #sources: ResourceSource[] = [];

  constructor(folder: string) {
    this.folder = folder;
    for (const type of [NODES, NETWORKS, REPORTS, ...MANIFEST_KINDS.map(({ definition }) => typeOf(definition))]) this.serve(type);
    this.api.put(NODE);
    this.api.put(NETWORK);
  }

  static async create(): Promise<ClusterStage> {
    return new ClusterStage(await mkdtemp(join(tmpdir(), 'fairlead-source-')));
  }

  /** Gone with the end of the test. */
  static async for(test: TestContext): Promise<ClusterStage> {
    const stage = await ClusterStage.create();
    test.after(() => stage.dispose());
    return stage;
  }

  get lastGood(): string {
    return join(this.folder, LAST_GOOD_FILE);
  }

  /** As its definition says. */
  serve(type: ResourceType): void {
    const { selectableFields = [] } = KINDS.find(({ kind }) => kind === type.kind) ?? {};
    this.api.serve(type, { selectableFields });
  }

  put(object: WireObject): void {
    this.api.put(object as WireObject & { readonly apiVersion: string });
  }

  remove(object: WireObject): void {
    this.api.remove(object as WireObject & { readonly apiVersion: string });
  }

  open(
    options: { readonly client?: ApiClient; readonly clock?: Clock; readonly readOnly?: boolean; readonly nodeName?: string } = {},
  ): ResourceSource {
    const onWarning = (text: string): void => void this.warnings.push(text);
    const source = openKubernetesSource({
      client: this.api,
      nodeName: 'n1',
      clock: systemClock,
      lastGood: this.lastGood,
      onWarning,
      ...options,
    });
    this.#sources.push(source);
    return source;
  }

  async start(options: Parameters<ClusterStage['open']>[0] = {}): Promise<ResourceSource> {
    const source = this.open(options);
    await source.start();
    return source;
  }

  async dispose(): Promise<void> {
    for (const source of this.#sources) await source.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
