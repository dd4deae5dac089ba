import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Unreadable } from '../../src/cluster/directory/document.ts';
import { readJson } from '../../src/cluster/directory/json-documents.ts';
import { mayRepeatKey, repeatedKeyAt } from '../../src/cluster/directory/json-keys.ts';

function refusal(text: string): string {
  try {
    readJson(text);
  } catch (error) {
    if (error instanceof Unreadable) return `${error.line} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('a key that stands twice in one JSON object', () => {
  it('is refused, at any depth, in any document, with the line', () => {
    const words = 'is not valid (a key stands twice in one object): delete one of both';
    assert.equal(refusal('{"a": 1,\n "a": 2}'), `2 ${words}`);
    assert.equal(refusal('{"a": [1, {"b": {},\n\n"c": 1, "\\u0062": 2}]}'), `3 ${words}`);
    assert.equal(refusal('{"a": 1}\n---\n{"b": 1,\n"b": 1}'), `4 ${words}`);
    assert.equal(
      refusal('{"a": {"x": 1}, "b": {"x": 1}, "c": ["x", "x"], "d": "a", "e\\"": [{"x": 1}, {"x": 1}], "e": "\\\\"}'),
      'accepted',
    );
  });

  it('is found wherever it is, and nowhere else', () => {
    fc.assert(
      fc.property(fc.object(), fc.integer({ min: 0, max: 2 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.equal(repeatedKeyAt(text), -1, text);
        const [key] = Object.keys(JSON.parse(text));
        if (key === undefined) return;
        const name = JSON.stringify(key);
        const twice = `${text.slice(0, text.lastIndexOf('}'))},${name}:0}`;
        assert.equal(repeatedKeyAt(twice), twice.lastIndexOf(name), twice);
        assert.equal(mayRepeatKey(twice, JSON.parse(twice)), true, twice);
      }),
    );
  });

  it('is not looked for where there are no more keys than the value has', () => {
    const text = '{"a" : "b:", "c": ["2001:db8::/32", 1], "d": {"\\"" :\n2}}';
    assert.equal(mayRepeatKey(text, JSON.parse(text)), false);
    const odd = '{"a": "::1", "b": ["\\":"]}';
    assert.equal(mayRepeatKey(odd, JSON.parse(odd)), true);
    assert.equal(refusal(odd), 'accepted');
  });
});
