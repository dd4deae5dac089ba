#!/bin/sh
# Process 1 of a node, in namespaces of its own: makes the node's root and goes there. Runs with the machine's programs.
set -eu
root=$NODE_FOLDER/root
mkdir -p "$root" "$NODE_FOLDER/upper" "$NODE_FOLDER/work" "$NODE_FOLDER/kubelet" "$NODE_FOLDER/containerd"
mount -t overlay overlay -o "lowerdir=$NODE_BASE,upperdir=$NODE_FOLDER/upper,workdir=$NODE_FOLDER/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
# Containers are layers themselves, and those need a real file system below them.
mount --bind "$NODE_FOLDER/kubelet" "$root/var/lib/kubelet"
mount --bind "$NODE_FOLDER/containerd" "$root/var/lib/containerd"
mkdir -p "$root/etc/kubernetes"
mount --bind "$NODE_FOLDER/kubernetes" "$root/etc/kubernetes"
for program in $NODE_PROGRAMS; do
  : >"$root/usr/local/bin/${program##*/}"
  mount --bind "$program" "$root/usr/local/bin/${program##*/}"
done
if [ "$NODE_CGROUPS" = unified ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for option in $NODE_CGROUPS; do
    mkdir "$root/sys/fs/cgroup/${option#name=}"
    mount -t cgroup -o "$option" cgroup "$root/sys/fs/cgroup/${option#name=}"
  done
fi
cd "$root"
pivot_root . mnt
exec chroot . /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin "NODE_NAME=$NODE_NAME" /bin/sh /etc/kubernetes/start.sh
