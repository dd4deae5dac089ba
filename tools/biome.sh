#!/bin/sh
# Biome of this machine's kind, straight from its platform package: the umbrella package would ask for those of every platform.
set -eu
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
case $(uname -m) in
  x86_64) cpu=x64 ;;
  *) cpu=arm64 ;;
esac
exec "$root/node_modules/@biomejs/cli-linux-$cpu/biome" "$@"
