import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseDocument } from '../../src/api/parse.ts';
import { parseFacts } from '../../src/cli/facts-file.ts';
import { diff } from '../../src/core/diff.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatChange, formatPlan } from '../../src/core/render.ts';
import { formatRef, type ResourceSnapshot } from '../../src/core/resources.ts';
import { identity, snapshot } from '../core/builders.ts';

/**
 * Each folder is one case that an engineer can read: what was asked (resources.yaml), what the node is like (facts.json, as
 * `fairlead plan --save-facts` writes it), and what comes of it on node n1 (plan.txt). FAIRLEAD_UPDATE=1 writes plan.txt anew.
 */
const FOLDER = import.meta.dirname;
const update = process.env['FAIRLEAD_UPDATE'] === '1';

function resourcesOf(text: string): ResourceSnapshot {
  const parsed = parseAllDocuments(text).map((document) => parseDocument(document.toJS(), 'resources.yaml'));
  const unusable = parsed.filter(({ type }) => type !== 'static-route' && type !== 'node');
  assert.deepEqual(unusable, [], 'the golden cases are about valid resources');
  const nodes = parsed.flatMap((document) => (document.type === 'node' ? [document.value] : []));
  return snapshot(
    parsed.flatMap((document) => (document.type === 'static-route' ? [document.value] : [])),
    { nodes },
  );
}

function planText(folder: string): string {
  const { facts, owned } = parseFacts(readFileSync(join(folder, 'facts.json'), 'utf8'), 'facts.json');
  const { plan, problems } = planNode(resourcesOf(readFileSync(join(folder, 'resources.yaml'), 'utf8')), facts, identity());
  const changes = diff({ routes: owned, sysctls: [] }, plan, facts).map(formatChange);
  const told = problems.map(({ subject, code, message }) => `${formatRef(subject)}: ${code}: ${message}`);
  return `${section('plan', [formatPlan(plan)])}\n${section('changes', changes)}\n${section('problems', told)}`;
}

function section(title: string, lines: readonly string[]): string {
  const text = lines.filter((line) => line !== '').join('\n');
  return `== ${title}\n${text === '' ? '(none)' : text}\n`;
}

describe('golden plans', () => {
  const cases = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it('are there', () => assert.ok(cases.length >= 15));

  for (const { name } of cases) {
    it(name, () => {
      const folder = join(FOLDER, name);
      const actual = planText(folder);
      if (update) writeFileSync(join(folder, 'plan.txt'), actual);
      assert.equal(actual, readFileSync(join(folder, 'plan.txt'), 'utf8'));
    });
  }
});
