import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { file, writeTar } from './image/tar.ts';

/** Packages the Helm chart: dist/fairlead-<version>.tgz. The same files give the same bytes, which `helm package` does not promise. */
const ROOT = join(import.meta.dirname, '..');

export interface ChartPackage {
  readonly name: string;
  readonly data: Buffer;
}

/** Of the chart in a folder. */
export function packageChart(folder = join(ROOT, 'charts/fairlead')): ChartPackage {
  const { name, version } = parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8')) as { readonly name: string; readonly version: string };
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  const entries = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return file(`${name}${path.slice(folder.length)}`, readFileSync(path));
  });
  return { name: `${name}-${version}.tgz`, data: gzipSync(writeTar(entries), { level: 9 }) };
}

if (import.meta.main) {
  const { name, data } = packageChart();
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(join(ROOT, 'dist', name), data);
  process.stdout.write(`dist/${name}  sha256:${createHash('sha256').update(data).digest('hex')}\n`);
}
