import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The release of envtest (kubernetes-sigs/controller-tools) that serves when only its three programs are wanted. */
export interface Release {
  readonly url: string;
  /** As in the project's envtest-releases.yaml, in base64. */
  readonly sha512: string;
}

/** The newest release of the minor version that go.mod locks. */
const VERSION = 'v1.36.2';
const SHA512: Readonly<Record<string, string>> = {
  x64: '6nQxhsinmfXPj68Wlp+GGJ0APLfRMOCsS1h4nx5XSNzzDr6RyDehDVrEFTg9o+ELnmTWV4XJOMI+c5eBz7dvCA==',
  arm64: 'LXLumFqOJio8V9yffw/Ykfaox79+uqLbbcbY6siuKBga/lHB82i2d1bNtAsQ3psgVgnhcm5fJ/fG2CTdnGZJrA==',
};
const RELEASES = 'https://github.com/kubernetes-sigs/controller-tools/releases/download';

export const ENVTEST_PROGRAMS: readonly string[] = ['etcd', 'kube-apiserver', 'kubectl'];
export const ENVTEST_VERSION = VERSION;

/** The release for this machine, if there is one. */
export function envtestRelease(): Release | undefined {
  const sha512 = SHA512[process.arch];
  if (sha512 === undefined) return undefined;
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch;
  return { url: `${RELEASES}/envtest-${VERSION}/envtest-${VERSION}-linux-${cpu}.tar.gz`, sha512 };
}

/** Long enough for 100 MB over a slow line; a host that does not answer gives up within seconds of its own accord. */
const PATIENCE_MS = 300_000;

/**
 * Downloads a release into `target`, which appears whole or not at all.
 * @throws Error when it cannot be reached or is not what the checksum says
 */
export async function download(release: Release, target: string): Promise<void> {
  const answer = await fetch(release.url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`${release.url}: HTTP ${answer.status}`);
  const archive = Buffer.from(await answer.arrayBuffer());
  const sha512 = createHash('sha512').update(archive).digest('base64');
  if (sha512 !== release.sha512) throw new Error(`${release.url}: its SHA-512 is ${sha512}, not ${release.sha512}; it is not used`);
  unpack(archive, target);
}

/** The programs are in controller-tools/envtest/. */
function unpack(archive: Buffer, target: string): void {
  const fresh = `${target}.${process.pid}.tmp`;
  mkdirSync(fresh, { recursive: true });
  try {
    writeFileSync(`${fresh}.tar.gz`, archive);
    const { status, stderr } = spawnSync('tar', ['-xzf', `${fresh}.tar.gz`, '-C', fresh, '--strip-components=2'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tar: ${stderr.trim()}`);
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(target)) renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(`${fresh}.tar.gz`, { force: true });
  }
}
