import assert from 'node:assert/strict';
import { cpSync, globSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packageChart } from '../../tools/chart.ts';
import { chartValues } from '../../tools/chart-values.ts';
import { readTar } from '../../tools/image/tar.ts';
import { CHART, Helm, VERSION } from './helm.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-chart-'));
const helm = new Helm();
after(() => {
  helm[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

describe('the package of the chart', () => {
  const { name, data } = packageChart();

  it('is the same for the same files, wherever and whenever they were written', () => {
    const copy = join(folder, 'another name');
    cpSync(CHART, copy, { recursive: true });
    for (const path of globSync('**/*', { cwd: copy })) utimesSync(join(copy, path), 1, 1);
    assert.ok(packageChart(copy).data.equals(data));
    writeFileSync(join(copy, 'values.yaml'), 'log: text\n');
    assert.ok(!packageChart(copy).data.equals(data));
  });

  it('renders to what the folder does', async () => {
    assert.equal(name, `fairlead-${VERSION}.tgz`);
    const path = join(folder, name);
    writeFileSync(path, data);
    await helm.run('lint', '--strict', path);
    assert.equal(await helm.run('template', 'x', path), await helm.run('template', 'x', CHART));
    assert.match(await helm.run('show', 'readme', path), /^# Fairlead/);
  });

  it('holds the chart and nothing else', () => {
    const files = readTar(gunzipSync(data)).flatMap((entry) => (entry.kind === 'file' ? [entry.path] : []));
    assert.deepEqual(
      files.filter(
        (path) => !/^fairlead\/(Chart\.yaml|README\.md|values\.yaml|values\.schema\.json|(templates|definitions)\/[\w.-]+)$/.test(path),
      ),
      [],
    );
    for (const path of ['Chart.yaml', 'README.md', 'templates/agent.yaml', 'definitions/staticroutes.fairlead.dev.yaml'])
      assert.ok(files.includes(`fairlead/${path}`), path);
  });
});

describe('the table of values', () => {
  it('has the comment above each, and the default as it would be written', () => {
    const text = '# One.\na: ""\nb:\n  # Two.\n  c: 3\n\n  # Four.\n  d: {e: f}\n# Five,\n# still.\ng: [h]\ni:\n  j: 1\n';
    assert.deepEqual(chartValues(text), [
      { path: 'a', default: '""', meaning: 'One.' },
      { path: 'b.c', default: '3', meaning: 'Two.' },
      { path: 'b.d', default: '{e: f}', meaning: 'Four.' },
      { path: 'g', default: '[h]', meaning: 'Five, still.' },
      { path: 'i.j', default: '1', meaning: '' },
    ]);
  });

  it('leaves nothing without a meaning', async () => {
    const values = chartValues(await helm.run('show', 'values', CHART));
    assert.ok(values.length > 25);
    assert.deepEqual(
      values.filter(({ meaning }) => meaning === '' || meaning.includes('|')),
      [],
    );
  });
});
