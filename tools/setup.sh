#!/bin/sh
# Installs what is missing: Debian packages (as root), then the locked npm packages. Quick when nothing is missing.
set -eu
cd "$(dirname -- "$0")/.."

packages=""
need() { command -v "$1" >/dev/null 2>&1 || packages="$packages $2"; }
need ip iproute2
need ping iputils-ping
need tcpdump tcpdump
need openssl openssl
need cc gcc
need npm npm
need git git
[ -e /usr/include/linux/rtnetlink.h ] || packages="$packages linux-libc-dev"
[ -e /usr/include/stdio.h ] || packages="$packages libc6-dev"

if [ -n "$packages" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$packages. Install them, for example: sudo apt-get install -y$packages" >&2
    exit 1
  fi
  echo "==> installing$packages"
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "apt-get could not install$packages: see the lines above" >&2
    exit 1
  fi
  rm -f "$log"
fi

mkdir -p .build
if ! cmp -s package-lock.json .build/installed-lock.json || [ ! -d node_modules ]; then
  echo "==> installing npm packages (locked)"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json .build/installed-lock.json
fi
