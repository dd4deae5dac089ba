import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentMetrics } from '../../src/agent/metrics.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { ControllerMetrics } from '../../src/controller/metrics.ts';
import { PROBLEM_CODES } from '../../src/core/problem.ts';
import { FLAGS } from '../../src/runtime/config.ts';
import { page, pages, section } from './markdown.ts';

/** What people wrote, without the generated pages. */
const prose = pages()
  .filter(({ path }) => !path.startsWith('docs/reference/') && !path.startsWith('docs/adr/'))
  .map(({ text }) => text)
  .join('\n');

describe('the documentation', () => {
  it('says what to do for every problem code, and for no other', () => {
    const table = section(page('docs/operations.md').text, '## Problems');
    const rows = [...table.matchAll(/^\| `([A-Z][A-Za-z]+)` \|/gm)].map(([, code]) => code);
    assert.deepEqual(rows, Object.keys(PROBLEM_CODES));
  });

  it('shows every command', () => {
    const missing = COMMANDS.filter(({ name }) => !new RegExp(`fairlead ${name}\\b`).test(prose));
    assert.deepEqual(
      missing.map(({ name }) => name),
      [],
    );
  });

  it('names only flags that exist', () => {
    const known = Object.values(FLAGS).map(({ name }) => name as string);
    const used = [...prose.matchAll(/\bfairlead [a-z]+\b[^\n`]*/g)].flatMap(([line]) => [...line.matchAll(/ --([a-z-]+)/g)]);
    assert.ok(used.length > 10);
    assert.deepEqual(
      used.map(([, flag = '']) => flag).filter((flag) => !known.includes(flag)),
      [],
    );
  });

  it('names only metrics that exist', () => {
    const known = [new AgentMetrics(''), new ControllerMetrics('')].flatMap((metrics) => metrics.describe()).map(({ name }) => name);
    const used = [...prose.matchAll(/\bfairlead_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
    assert.ok(used.length > 5);
    assert.deepEqual(
      used.filter((name) => !known.includes(name)),
      [],
    );
  });
});
