#!/bin/sh
# The rest of a node's boot, in its own root: what an init system would do.
set -eu
umount -l /mnt
# The kubelet wants its mounts seen in the containers that it has given them to.
mount --make-rshared /
hostname "$NODE_NAME"
mkdir -p /var/log /etc/cni/net.d
: >/etc/resolv.conf
printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts

# The kubelet sets these for the whole kernel; it finds files with the values that it wants.
mkdir /run/sysctl
while read -r name value; do
  [ -e "/proc/sys/$name" ] || continue
  file=/run/sysctl/$(echo "$name" | tr / _)
  echo "$value" >"$file"
  mount --bind "$file" "/proc/sys/$name"
done <<END
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

# keep NAME COMMAND...: starts it again when it ends
keep() {
  name=$1
  shift
  (while :; do
    "$@" >>"/var/log/$name.log" 2>&1 || :
    sleep 1
  done) &
}

cp /etc/kubernetes/network.conflist /etc/cni/net.d/10-lab.conflist 2>/dev/null || :
keep containerd containerd --config /etc/kubernetes/containerd.toml
until ctr version >/dev/null 2>&1; do sleep 0.1; done
for image in /usr/share/images/*.tar; do
  ctr --namespace k8s.io images import "$image" >>/var/log/images.log 2>&1
done
until [ -e /etc/kubernetes/api-has-served ]; do sleep 0.1; done
keep kubelet kubelet --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/etc/kubernetes/kubelet.kubeconfig \
  --hostname-override="$NODE_NAME" --node-ip="$(cat /etc/kubernetes/addresses)" --root-dir=/var/lib/kubelet
keep kube-proxy kube-proxy --config=/etc/kubernetes/kube-proxy.yaml
while :; do
  wait || :
  sleep 1
done
