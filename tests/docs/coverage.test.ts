import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentMetrics } from '../../src/agent/metrics.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { ControllerMetrics } from '../../src/controller/metrics.ts';
import type { OverlayReason } from '../../src/controller/overlay/reasons.ts';
import { PROBLEM_CODES } from '../../src/core/problem.ts';
import { FLAGS } from '../../src/runtime/config.ts';
import { page, pages, section } from './markdown.ts';

/** What people wrote, without the generated pages. */
const prose = pages()
  .filter(({ path }) => !path.startsWith('docs/reference/') && !path.startsWith('docs/adr/'))
  .map(({ text }) => text)
  .join('\n');

/** One that is missing here does not compile. */
const OVERLAY_REASONS: Readonly<Record<OverlayReason, true>> = {
  Granted: true,
  AllNodesServed: true,
  NoProblem: true,
  Pending: true,
  Releasing: true,
  NodeGone: true,
  NotSelected: true,
  NoNodesSelected: true,
  NoSuchPool: true,
  AddressTaken: true,
  AddressOutsidePool: true,
  InvalidSpec: true,
  Overlap: true,
  RangeUnusable: true,
  PoolExhausted: true,
  NoZone: true,
  NoRangeForZone: true,
  AddressesOutsideRanges: true,
  LedgerFull: true,
  IPAMUnavailable: true,
  IPAMRefused: true,
  ReleaseFailed: true,
  AgentSilent: true,
  DeviceFailing: true,
  WriteRefused: true,
};

describe('the documentation', () => {
  it('says what to do for every problem code, and for no other', () => {
    const table = section(page('docs/operations.md').text, '## Problems');
    const rows = [...table.matchAll(/^\| `([A-Z][A-Za-z]+)` \|/gm)].map(([, code]) => code);
    assert.deepEqual(rows, Object.keys(PROBLEM_CODES));
  });

  it('says what every reason of a pool and of its addresses means, and no other', () => {
    const table = section(page('docs/overlay.md').text, '## Reasons');
    const rows = [...table.matchAll(/^\| `([A-Za-z]+)` \|/gm)].map(([, reason]) => reason);
    assert.deepEqual(rows, Object.keys(OVERLAY_REASONS));
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
