import { type Cluster, startCluster } from '../../lab/cluster/cluster.ts';
import { installFairlead } from '../../lab/cluster/install.ts';
import { besidePremises, PREMISES } from '../../lab/cluster/premises.ts';
import { serveHttp } from '../../lab/traffic.ts';
import { RANGES } from '../kubernetes/overlay-support.ts';

export const NODES = ['n1', 'n2', 'n3'];
export const [SUBNET, GATEWAY] = RANGES.a;
/** Where the site says whom it answers. */
export const PORT = 8080;

/** Nodes that filter reverse paths strictly, and a site that knows the overlay range only: whoever calls from another address gets no answer. */
export async function overlayCluster(): Promise<Cluster> {
  const cluster = await startCluster({ ...besidePremises(NODES.length), nodeSysctls: { 'net.ipv4.conf.all.rp_filter': 1 } });
  try {
    const onprem = cluster.lab.host('onprem');
    await onprem.ip('route del default');
    await onprem.ip(`route add ${SUBNET} via 192.168.50.1`);
    await cluster.lab.host('gateway').ip(`address add ${GATEWAY}/24 dev eth0`);
    await serveHttp(onprem, PREMISES.address, PORT);
    await installFairlead(cluster);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}
