import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CACHE } from '../../tools/image/cache.ts';
import { ARCHITECTURES, PACKAGES, type Purpose, SUITE } from '../../tools/image/contents.ts';
import { type LockedPackage, readLock, unpack } from '../../tools/image/debian.ts';
import { checksumOf } from '../../tools/image/npm.ts';

const lock = readLock();

describe('debs.lock.json', () => {
  for (const purpose of Object.keys(PACKAGES) as Purpose[]) {
    for (const architecture of ARCHITECTURES) {
      it(`pins every package of the ${purpose} for ${architecture}, and no other`, () => {
        const locked = lock.packages[purpose][architecture];
        assert.deepEqual(
          locked.map(({ name }) => name),
          PACKAGES[purpose],
        );
        for (const { name, version, path, size, sha256 } of locked) {
          assert.match(sha256, /^[0-9a-f]{64}$/, name);
          assert.ok(size > 0 && version !== '', name);
          assert.match(path, new RegExp(`^debian(-security)?/pool/.*_(${architecture}|all)\\.deb$`));
          // the file name leaves out the epoch of a version
          assert.ok(path.includes(`_${version.replace(/^\d+:/, '')}_`), `${path} is not version ${version}`);
        }
      });
    }
  }

  it('has one version of a package for all architectures, and nft 1.0.6 or newer', () => {
    assert.equal(lock.suite, SUITE);
    const versions = (architecture: (typeof ARCHITECTURES)[number]) =>
      lock.packages.image[architecture].map(({ version }) => version.replace(/\+b\d+$/, ''));
    assert.deepEqual(versions('amd64'), versions('arm64'));
    const nft = lock.packages.image.amd64.find(({ name }) => name === 'nftables')?.version ?? '0';
    execFileSync('dpkg', ['--compare-versions', nft, 'ge', '1.0.6']);
  });
});

/** A package that no mirror has, and its name in the cache. */
function ownPackage(): { readonly locked: LockedPackage; readonly data: Buffer } {
  const name = `fairlead-test-${randomBytes(4).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-deb-'));
  mkdirSync(join(folder, name, 'DEBIAN'), { recursive: true });
  writeFileSync(
    join(folder, name, 'DEBIAN/control'),
    `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n`,
  );
  writeFileSync(join(folder, name, 'hello'), 'hello');
  execFileSync('dpkg-deb', ['--build', join(folder, name), join(folder, 'package.deb')], { stdio: 'pipe' });
  const data = readFileSync(join(folder, 'package.deb'));
  rmSync(folder, { recursive: true });
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { locked: { name, version: '1', path: `debian/pool/${name}_1_all.deb`, size: data.length, sha256 }, data };
}

describe('a package', () => {
  const { locked, data } = ownPackage();
  const served = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const found = served.get(url);
    response.writeHead(found ? 200 : 404).end(found);
  });
  const mirrors = async () => {
    if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { current: `${at}/now`, snapshots: `${at}/old` };
  };
  after(() => {
    server.close();
    rmSync(join(CACHE, 'debs', `${locked.name}_1_all.deb`), { force: true });
  });

  it('that has left every mirror fails with what to do', async () => {
    await assert.rejects(unpack(locked, lock, await mirrors()), (error: Error) => {
      assert.match(error.message, new RegExp(`^${locked.name} 1 cannot be downloaded:\n`));
      assert.match(error.message, /now\/debian\/pool\/.* answers 404\n.*old\/debian\/\d{8}T\d{6}Z\/pool\/.* answers 404\n/);
      assert.match(error.message, /Debian has replaced this version: run "node_modules\/\.bin\/node tools\/image\/lock\.ts"/);
      return true;
    });
  });

  it('with another checksum is refused, and not kept', async () => {
    served.set(`/now/${locked.path}`, Buffer.from('something else'));
    await assert.rejects(
      unpack(locked, lock, await mirrors()),
      new RegExp(`${locked.name}_1_all.deb was downloaded with sha256 .*lock file says ${locked.sha256}`),
    );
    served.clear();
    await assert.rejects(unpack(locked, lock, await mirrors()), /cannot be downloaded/);
  });

  it('is found in the snapshot of the day on which it was locked, and then in the cache', async () => {
    served.set(`/old/debian/${lock.snapshot}/${locked.path.replace('debian/', '')}`, data);
    const { entries, control } = await unpack(locked, lock, await mirrors());
    assert.ok(entries.some(({ path }) => path === 'hello'));
    assert.match(control, new RegExp(`^Package: ${locked.name}\n`));
    asked.length = 0;
    await unpack(locked, lock, await mirrors());
    assert.deepEqual(asked, []);
  });
});

describe('an integrity of package-lock.json', () => {
  it('is a sha512, or refused', () => {
    const hex = createHash('sha512').update('x').digest('hex');
    const integrity = `sha512-${Buffer.from(hex, 'hex').toString('base64')}`;
    assert.deepEqual(checksumOf({ version: '1', integrity }), { algorithm: 'sha512', hex });
    assert.throws(() => checksumOf({ version: '1', integrity: 'sha1-AAAA' }), /another kind than sha512: sha1-AAAA/);
  });
});
