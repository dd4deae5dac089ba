import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { baseLayer } from '../../tools/image/base-layer.ts';
import type { UnpackedPackage } from '../../tools/image/debian.ts';
import { type Entry, file, link } from '../../tools/image/tar.ts';

const HERE = process.arch === 'x64' ? 'amd64' : 'arm64';
const node = readFileSync(process.execPath);

function unpacked(name: string, ...entries: readonly Entry[]): UnpackedPackage {
  const locked = { name, version: '1', path: `debian/pool/${name}_1_all.deb`, size: 1, sha256: '' };
  return { locked, entries, control: `Package: ${name}\n` };
}
const licence = (name: string): Entry => file(`usr/share/doc/${name}/copyright`, `licence of ${name}`);

/** What the image always has, as scripts, which need no library. */
const NFT = unpacked('nftables', file('usr/sbin/nft', '#!'), licence('nftables'));
const IP = unpacked('iproute2', link('usr/bin/ip', '../lib/real-ip'), file('usr/lib/real-ip', '#!'), licence('iproute2'));

describe('the base layer', () => {
  it('has the programs, what their links lead to, and what names their packages', () => {
    const paths = baseLayer([NFT, IP], HERE, new Map()).map(({ path }) => path);
    for (const path of [
      'usr/sbin/nft',
      'usr/bin/ip',
      'usr/lib/real-ip',
      'usr/share/doc/iproute2/copyright',
      'var/lib/dpkg/status.d/nftables',
    ]) {
      assert.ok(paths.includes(path), path);
    }
  });

  it('takes the licence from the package that holds it for another', () => {
    const ip = unpacked('iproute2', file('usr/bin/ip', '#!'), link('usr/share/doc/iproute2', 'common'));
    const entries = baseLayer([NFT, ip, unpacked('common', licence('common'))], HERE, new Map());
    assert.deepEqual(
      entries.filter(({ path }) => path.startsWith('usr/share/doc/')),
      [licence('nftables'), link('usr/share/doc/iproute2', 'common'), licence('common')],
    );
  });

  it('is not built without a library of a program, nor with one for another machine', () => {
    assert.throws(
      () => baseLayer([NFT, IP], HERE, new Map([['bin/node', node]])),
      /bin\/node needs usr\/lib\S*ld-linux\S+ \(a\w+64\), which no listed package has: add its package to tools\/image\/contents.ts/,
    );
    const other = HERE === 'amd64' ? 'arm64' : 'amd64';
    assert.throws(
      () => baseLayer([NFT, IP], other, new Map([['bin/node', node]])),
      new RegExp(`bin/node is for ${HERE}, not for ${other}`),
    );
  });

  it('is not built with a package that gives nothing, nor with one without a licence', () => {
    const spare = unpacked('spare', file('usr/bin/spare', '#!'), licence('spare'));
    assert.throws(
      () => baseLayer([NFT, IP, spare], HERE, new Map()),
      /nothing of spare is needed: remove it from tools\/image\/contents.ts/,
    );
    assert.throws(
      () => baseLayer([NFT, unpacked('iproute2', file('usr/bin/ip', '#!'))], HERE, new Map()),
      /package iproute2 has no copyright file/,
    );
  });
});
