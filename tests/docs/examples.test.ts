import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseDocument } from '../../src/api/parse.ts';
import { isUsable } from '../../src/cluster/usable.ts';
import { type Block, blocks, type Page, pages, ROOT } from './markdown.ts';

/** Pages whose commands run in a network or a cluster of their own: see quick-start.test.ts and kubernetes.test.ts. */
const ELSEWHERE = ['README.md', 'docs/kubernetes.md'];

const written = pages().filter(({ path }) => !path.startsWith('docs/reference/'));
const found = written.flatMap((page) => blocks(page.text).map((block) => ({ page, block })));
const name = (page: Page, block: Block): string => `${page.path}:${block.line}`;

describe('text that is shown from a file', () => {
  const shown = found.filter(({ block }) => block.file !== undefined);

  for (const { page, block } of shown) {
    it(`${name(page, block)} is ${block.file}`, () => assert.equal(block.text, readFileSync(join(ROOT, block.file ?? ''), 'utf8')));
  }

  it('leaves no example out', () => {
    const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'examples'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const files = tracked.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
    const used = (path: string): boolean => found.some(({ block }) => block.file === path || block.text.includes(path));
    assert.ok(files.length > 10);
    assert.deepEqual(
      files.filter((path) => !used(path)),
      [],
    );
  });
});

describe('YAML of our kinds in the documentation', () => {
  for (const { page, block } of found.filter(({ block }) => block.language === 'yaml' && block.text.includes('fairlead.dev/'))) {
    it(`${name(page, block)} is accepted`, () => {
      for (const document of parseAllDocuments(block.text)) {
        const parsed = parseDocument(document.toJS() as unknown, name(page, block));
        assert.ok(isUsable(parsed), 'message' in parsed ? parsed.message : parsed.type);
      }
    });
  }
});

describe('commands with their output', () => {
  const state = mkdtempSync(join(tmpdir(), 'fairlead-docs-'));
  after(() => rmSync(state, { recursive: true }));
  const pairs = found.filter(
    ({ page, block }) => block.language === 'text' && block.after?.language === 'sh' && !ELSEWHERE.includes(page.path),
  );

  it('are there', () => assert.ok(pairs.length >= 10));

  for (const { page, block } of pairs) {
    it(`${name(page, block)} prints what is shown`, () => assert.equal(runOffline(block.after?.text ?? '', state), block.text));
  }
});

/** Standard output and standard error of a script in the root of the repository, as a terminal shows them. */
function runOffline(script: string, state: string): string {
  // What an agent of this machine remembers is no part of the example.
  const wrapper = `fairlead() { case $1 in plan) "${ROOT}/bin/fairlead" "$@" --state "${state}" ;; *) "${ROOT}/bin/fairlead" "$@" ;; esac; }`;
  const { stdout, error } = spawnSync('sh', ['-c', `exec 2>&1\n${wrapper}\n${script}`], { cwd: ROOT, encoding: 'utf8' });
  if (error) throw error;
  return stdout;
}
