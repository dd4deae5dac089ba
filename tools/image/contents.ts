/** What the image is made of, apart from our own files. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

interface Platform {
  /** Debian's name of the architecture in paths. */
  readonly triplet: string;
  /** Node's name of it, also in the npm package that brings Node. */
  readonly cpu: string;
  /** Where programs expect the dynamic loader. */
  readonly loader: string;
}

export const PLATFORMS: Readonly<Record<Architecture, Platform>> = {
  amd64: { triplet: 'x86_64-linux-gnu', cpu: 'x64', loader: 'lib64/ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', cpu: 'arm64', loader: 'lib/ld-linux-aarch64.so.1' },
};

/** The Debian release that the packages come from. */
export const SUITE = 'trixie';
export const DEBIAN_VERSION = '13';

/** Programs for people who look into a container. Their libraries are found by what the files themselves name. */
export const PROGRAMS = ['usr/sbin/nft', 'usr/bin/ip'] as const;

/** Debian packages of which files are in the image. One that is missing or superfluous fails the build by name. */
const IMAGE_PACKAGES = [
  'gcc-14-base',
  'iproute2',
  'libbpf1',
  'libbsd0',
  'libc6',
  'libcap2',
  'libedit2',
  'libelf1t64',
  'libgcc-s1',
  'libgmp10',
  'libjansson4',
  'libmd0',
  'libmnl0',
  'libnftables1',
  'libnftnl11',
  'libpcre2-8-0',
  'libselinux1',
  'libstdc++6',
  'libtinfo6',
  'libxtables12',
  'libzstd1',
  'nftables',
  'zlib1g',
] as const;

/**
 * The compiler of the netlink addon: locked, since what it writes is in the image, and one program for both architectures.
 * It runs from a folder of the cache; nothing is installed.
 */
const COMPILER_PACKAGES = [
  'clang-19',
  'libc6',
  'libclang-common-19-dev',
  'libclang-cpp19',
  'libedit2',
  'libbsd0',
  'libffi8',
  'libgcc-s1',
  'libllvm19',
  'liblzma5',
  'libmd0',
  'libstdc++6',
  'libtinfo6',
  'libxml2',
  'libz3-4',
  'libzstd1',
  'lld-19',
  'zlib1g',
] as const;

/** C headers of the architecture that the addon is compiled for. */
const HEADER_PACKAGES = ['libc6-dev', 'linux-libc-dev'] as const;

/** What a node of the test cluster (tests/lab/cluster) runs pods with. It is a root of its own, whatever machine it is on. */
const NODE_PACKAGES = [
  'busybox-static',
  'containerd',
  'containernetworking-plugins',
  'libblkid1',
  'libbsd0',
  'libc6',
  'libedit2',
  'libgmp10',
  'libjansson4',
  'libmd0',
  'libmnl0',
  'libmount1',
  'libnftables1',
  'libnftnl11',
  'libpcre2-8-0',
  'libseccomp2',
  'libselinux1',
  'libtinfo6',
  'libxtables12',
  'mount',
  'nftables',
  'runc',
] as const;

export const CLANG = 'usr/lib/llvm-19/bin/clang';
export const LLD = 'usr/lib/llvm-19/bin/lld';
/** Clang's own headers, such as stddef.h. */
export const CLANG_RESOURCES = 'usr/lib/llvm-19/lib/clang/19';

/** `compiler` and `node` are for the architecture of this machine, the others for that of the image. */
export const PACKAGES = { image: IMAGE_PACKAGES, compiler: COMPILER_PACKAGES, headers: HEADER_PACKAGES, node: NODE_PACKAGES } as const;
export type Purpose = keyof typeof PACKAGES;
