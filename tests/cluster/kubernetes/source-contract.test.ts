import { describeSource } from '../../../src/cluster/cluster.contract.ts';
import { ClusterStage } from './cluster-stage.ts';

describeSource('a Kubernetes API in memory', async () => {
  const stage = await ClusterStage.create();
  return {
    open: () => stage.open(),
    put: async (object) => stage.put(object),
    delete: async (object) => stage.remove(object),
    away: async () => stage.api.away(),
    back: async () => stage.api.back(),
    dispose: () => stage.dispose(),
  };
});
