import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { yamlText } from '../../src/runtime/yaml-text.ts';

describe('YAML text', () => {
  it('is what a person would write', () => {
    const value = {
      kind: 'NodeReport',
      counts: { ready: '1/2', problems: 0 },
      list: [{ name: 'a b', address: '10.0.0.1', prefix: '2001:db8::/32' }, { name: 'c', lines: 'one: 1\ntwo' }, [true, null]],
      nothing: [],
      none: {},
      absent: undefined,
    };
    const lines = [
      'kind: NodeReport',
      'counts:',
      '  ready: 1/2',
      '  problems: 0',
      'list:',
      '  - name: a b',
      '    address: 10.0.0.1',
      '    prefix: 2001:db8::/32',
      '  - name: c',
      '    lines: |-',
      '      one: 1',
      '      two',
      '  - - true',
      '    - null',
      'nothing: []',
      'none: {}',
    ];
    assert.equal(yamlText(value), `${lines.join('\n')}\n`);
  });

  it('quotes a text that would be taken for something else', () => {
    for (const text of [
      '',
      'true',
      'No',
      '~',
      '12',
      '0x1f',
      '1e3',
      '10:20',
      '::1',
      '-',
      '- a',
      'a: b',
      'a #b',
      'a ',
      ' a',
      '*a',
      '"a"',
      'a\tb',
      '\x85',
    ]) {
      assert.equal(yamlText({ text })[6], '"', text);
    }
  });

  it('is read as what was written, by readers of YAML 1.2 and of 1.1', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab :#-"\'\n\t{}[]&*!|>%@`,?0129.exo~\\\x85\u2028\ufeff') });
    fc.assert(
      fc.property(fc.dictionary(text, fc.array(text)), (dictionary) => {
        const value = { ...dictionary };
        assert.deepEqual(parse(yamlText(value)), value);
        assert.deepEqual(parse(yamlText(value), { version: '1.1' }), value);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (any) => {
        const value: unknown = JSON.parse(JSON.stringify(any));
        assert.deepEqual(parse(yamlText(value)), value);
      }),
      { numRuns: 2000 },
    );
  });
});
