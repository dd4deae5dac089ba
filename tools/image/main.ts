/** Writes `dist/image/` (an OCI layout), `dist/fairlead-image.tar` (the same as one file) and `dist/fairlead.sbom.json`. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeWhole } from './cache.ts';
import { readCommit } from './commit.ts';
import { buildImage, type Image } from './image.ts';
import { writeTar } from './tar.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

function write({ files, sbom }: Image): void {
  const draft = join(DIST, `image.${process.pid}.tmp`);
  for (const entry of files) {
    if (entry.kind !== 'file') continue;
    mkdirSync(dirname(join(draft, entry.path)), { recursive: true });
    writeFileSync(join(draft, entry.path), entry.data);
  }
  rmSync(join(DIST, 'image'), { recursive: true, force: true });
  renameSync(draft, join(DIST, 'image'));
  writeWhole(join(DIST, 'fairlead-image.tar'), writeTar(files));
  writeWhole(join(DIST, 'fairlead.sbom.json'), Buffer.from(sbom));
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;

function summary({ name, digest, layers }: Image): string {
  const lines = [...layers].flatMap(([architecture, list]) => [
    `  ${architecture}: ${megabytes(list.reduce((sum, { descriptor }) => sum + descriptor.size, 0)).trim()} to download`,
    ...list.map(({ title, descriptor }) => `    ${megabytes(descriptor.size)}  ${title}`),
  ]);
  return [name, `  ${digest}`, ...lines, '  dist/image/  dist/fairlead-image.tar  dist/fairlead.sbom.json', ''].join('\n');
}

try {
  const commit = readCommit(ROOT);
  const image = await buildImage(ROOT, commit, (line) => process.stdout.write(`${line}\n`));
  write(image);
  if (commit.revision === undefined) process.stdout.write('  outside a git repository: the image names no revision\n');
  process.stdout.write(summary(image));
} catch (error) {
  process.stderr.write(`make image: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
