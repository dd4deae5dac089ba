import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { POD_RANGES } from '../kubernetes/commands.ts';
import { kubeconfig } from '../kubernetes/kubeconfig.ts';
import type { Authority } from '../kubernetes/pki.ts';
import { PAUSE } from './images.ts';

export interface NodeFiles {
  readonly name: string;
  /** InternalIP, of each family. */
  readonly addresses: readonly string[];
  readonly podRanges: readonly string[];
  /** URL of the API server. */
  readonly server: string;
  readonly authority: Authority;
  /** Whether pods get a network; without it the node stays NotReady until something else brings one. */
  readonly podNetwork: boolean;
}

/** Writes what a node finds in /etc/kubernetes. */
export function writeNodeFiles(folder: string, node: NodeFiles): void {
  const { name, addresses, server, authority } = node;
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text, { mode: 0o600 });
  const identity = authority.issue({ name: `system:node:${name}`, groups: ['system:nodes'], hosts: [name, ...addresses] });
  const proxy = authority.issue({ name: 'system:kube-proxy' });
  copyFileSync(join(import.meta.dirname, 'start.sh'), join(folder, 'start.sh'));
  write('ca.crt', authority.certificate);
  write('node.crt', identity.certificate);
  write('node.key', identity.key);
  write('addresses', addresses.join(','));
  write('kubelet.kubeconfig', kubeconfig({ server, authority: authority.certificate, credentials: identity }));
  write('kube-proxy.kubeconfig', kubeconfig({ server, authority: authority.certificate, credentials: proxy }));
  write('containerd.toml', CONTAINERD);
  write('kubelet.yaml', KUBELET);
  write('kube-proxy.yaml', stringify(proxyConfiguration(name)));
  if (node.podNetwork) write('network.conflist', JSON.stringify(podNetwork(node.podRanges)));
}

const UNUSED = ['snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.native', 'internal.v1.opt'];

/** restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE cannot lower it, and every pod would fail. */
const CONTAINERD = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [${UNUSED.map((plugin) => `"io.containerd.${plugin}"`).join(', ')}]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE.name}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`;

const KUBELET = stringify({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: '/etc/kubernetes/ca.crt' } },
  authorization: { mode: 'Webhook' },
  tlsCertFile: '/etc/kubernetes/node.crt',
  tlsPrivateKeyFile: '/etc/kubernetes/node.key',
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  cgroupDriver: 'cgroupfs',
  // Machines with cgroups of version 1 serve as well.
  failCgroupV1: false,
  failSwapOn: false,
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  resolvConf: '/etc/resolv.conf',
  volumePluginDir: '/var/lib/kubelet/volume-plugins',
  imageGCHighThresholdPercent: 100,
  // The disk is that of the machine, and may be as full as its owner likes.
  evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
  nodeStatusUpdateFrequency: '5s',
  maxPods: 50,
});

function proxyConfiguration(name: string): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: name,
    clientConnection: { kubeconfig: '/etc/kubernetes/kube-proxy.kubeconfig' },
    clusterCIDR: POD_RANGES,
    // These are settings of the whole kernel.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

/** A bridge on each node (CNI plugin `bridge`); the routes between them are plain ones. */
function podNetwork(podRanges: readonly string[]): unknown {
  const ranges = podRanges.map((subnet) => [{ subnet }]);
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam: { type: 'host-local', ranges, routes } };
  return { cniVersion: '0.4.0', name: 'lab', plugins: [bridge] };
}
