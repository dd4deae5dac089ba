import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { anchors, page, pages, ROOT, withoutBlocks } from './markdown.ts';

interface Link {
  readonly target: string;
  readonly anchor: string | undefined;
}

/** The relative links of a text. */
function linksOf(text: string): Link[] {
  return [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, url = '']) => url)
    .filter((url) => !/^[a-z]+:/.test(url))
    .map((url) => ({ target: url.split('#')[0] ?? '', anchor: url.split('#')[1] }));
}

/** What is wrong with a link of a page, or undefined. */
function fault(from: string, { target, anchor }: Link): string | undefined {
  const path = target === '' ? from : normalize(join(dirname(from), target));
  if (!existsSync(join(ROOT, path))) return `${from}: ${path} does not exist`;
  if (anchor === undefined || !path.endsWith('.md')) return undefined;
  return anchors(page(path).text).has(anchor) ? undefined : `${from}: ${path} has no heading #${anchor}`;
}

describe('links between pages', () => {
  const all = pages().flatMap(({ path, text }) => linksOf(text).map((link) => ({ path, link })));

  it('lead to files and headings that exist', () => {
    assert.ok(all.length > 20, `only ${all.length} links were found`);
    assert.deepEqual(
      all.flatMap(({ path, link }) => fault(path, link) ?? []),
      [],
    );
  });

  it('are found broken when they are', () => {
    const links = linksOf('[a](docs/nowhere.md) [b](README.md#nowhere) [c](https://example.org/x) `[d](code.md)`');
    assert.deepEqual(
      links.map((link) => fault('README.md', link)),
      ['README.md: docs/nowhere.md does not exist', 'README.md: README.md has no heading #nowhere'],
    );
  });

  it('reach every page under docs from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      if (!path.endsWith('.md')) continue;
      for (const { target } of linksOf(page(path).text)) reached.add(normalize(join(dirname(path), target)).replace(/\/$/, ''));
    }
    const lonely = pages()
      .map(({ path }) => path)
      .filter((path) => path.startsWith('docs/') && !reached.has(path) && !reached.has(dirname(path)));
    assert.deepEqual(lonely, []);
    assert.ok(statSync(join(ROOT, 'docs/adr')).isDirectory());
  });
});
