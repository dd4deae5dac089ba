import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Unreadable } from '../../src/cluster/directory/document.ts';
import { readJson } from '../../src/cluster/directory/json-documents.ts';
import { decode } from '../../src/cluster/directory/read-file.ts';
import { readYaml } from '../../src/cluster/directory/yaml-documents.ts';

/** `3 is not valid ...`: line and message of the refusal. */
async function refusal(read: () => unknown): Promise<string> {
  try {
    await read();
  } catch (error) {
    if (error instanceof Unreadable) return `${error.line} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('JSON documents', () => {
  it('is one value, several after one another, or several between --- lines', () => {
    assert.deepEqual(readJson('\n {"a": 1}\n'), [{ line: 2, value: { a: 1 } }]);
    assert.deepEqual(readJson('{"a":"}{"}{"b":"\\"}"}\n\n---\n{"c":\n[1]} 7'), [
      { line: 1, value: { a: '}{' } },
      { line: 1, value: { b: '"}' } },
      { line: 4, value: { c: [1] } },
      { line: 5, value: 7 },
    ]);
    assert.deepEqual(readJson(' \n---\n '), []);
    assert.deepEqual(readJson(''), []);
  });

  it('has any stream back as it was written', () => {
    const stream = fc.array(fc.oneof(fc.object(), fc.array(fc.string())).map((value) => JSON.parse(JSON.stringify(value))));
    fc.assert(
      fc.property(stream, fc.constantFrom('\n', ' ', '\n---\n', ''), fc.constantFrom(0, 2), (values, separator, indent) => {
        const text = values.map((value) => JSON.stringify(value, null, indent)).join(separator);
        assert.deepEqual(
          readJson(text).map(({ value }) => value),
          values,
        );
      }),
    );
  });

  it('names the line of the error', async () => {
    assert.match(await refusal(() => readJson('{"a": 1}\n{"b": 2,\n oops}')), /^3 is not valid JSON \(.+\): correct it$/);
    assert.match(await refusal(() => readJson('{"a":\n 1')), /^2 is not valid JSON/);
    assert.match(await refusal(() => readJson('}')), /^1 is not valid JSON/);
  });
});

describe('a file that is no manifest', () => {
  it('is refused without a word of what is in it: a link may lead to a secret', async () => {
    const secrets = [
      'hunter2',
      'root:hunter2:19000:0',
      '"hunter2',
      '{"password": hunter2}',
      '{"a": 1} hunter2',
      '["hunter2\\q"]',
      '-hunter2',
      '[hunter2: hunter2: 1',
      'hunter2: [',
      '&hunter2',
      '*hunter2',
      '"hunter2',
      '%hunter2\n---\n',
      '!hunter2!x y',
      '{hunter2',
      '- hunter2\nhunter2: 1',
      '\thunter2',
      '@hunter2',
      'a: b: hunter2',
      '|hunter2',
      '!<hunter2 x',
      '"\\\\hunter2"',
      '%YAML hunter2\n---\na',
      '%TAG hunter2\n---\na',
    ];
    for (const secret of secrets) {
      for (const format of ['json', 'yaml'] as const) {
        const words = await refusal(() => decode(Buffer.from(secret), format));
        assert.doesNotMatch(words, /hunter/, `${format}: ${secret}`);
      }
    }
  });
});

describe('YAML documents', () => {
  it('leaves out empty documents, and gives the line where each begins', async () => {
    assert.deepEqual(await readYaml('# head\n---\na: 1\n---\n---\n# b\nb: [x]\n...\n'), [
      { line: 3, value: { a: 1 } },
      { line: 7, value: { b: ['x'] } },
    ]);
    assert.deepEqual(await readYaml('# nothing\n'), []);
  });

  it('knows anchors and merge keys', async () => {
    const [document] = await readYaml('base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n');
    assert.deepEqual(document?.value, { base: { x: 1, y: 2 }, own: { x: 1, y: 3 } });
  });

  it('refuses duplicate keys, at any depth, with the line', async () => {
    assert.match(await refusal(() => readYaml('a: 1\nb:\n  - c: 1\n    d: 2\n    c: 3\n')), /^5 .*the key "c" stands twice/);
  });

  it('refuses alias bombs and aliases to themselves', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join()}]`);
    assert.match(
      await refusal(() => readYaml(`a0: &a0 [x]\n${levels.join('\n')}\n`)),
      /^1 uses more than 100 aliases: write the values out/,
    );
    assert.match(await refusal(() => decode(Buffer.from('a: &a [*a, *a]\n'), 'yaml')), /^1 is nested more than 100 levels deep/);
    assert.match(
      await refusal(() => readYaml('a: *b\n')),
      /^1 has an alias \(\*name\) without an anchor \(&name\) before it: write the value out$/,
    );
  });

  it('names the line of the first error, after good documents too', async () => {
    assert.match(await refusal(() => readYaml('a: 1\n---\nb: 1\n  c: 2\n')), /^[34] is not valid YAML \(.+\): correct it$/);
    assert.match(await refusal(() => readYaml('a:\n\t- b\n')), /^2 is not valid YAML/);
  });
});

describe('a YAML text of which some documents are broken', () => {
  const read = async (text: string): Promise<readonly string[]> => {
    const documents = await decode(Buffer.from(text), 'yaml');
    return documents.map((each) => `${each.line} ${'fault' in each ? each.fault.replace(/ \(.*/, '') : JSON.stringify(each.value)}`);
  };
  const BROKEN: Readonly<Record<string, string>> = {
    'a bracket that stays open': 'a: [1, 2',
    'a quote that stays open': 'a: "x\n  y',
    'a tab': 'a:\n\t- b',
    'a key that stands twice': 'a: 1\na: 2',
    'an alias to nothing': 'a: *b',
    'a wrong indentation': 'a: 1\n  b: 2',
    'a block text that ends in the middle': 'a: |\n   x\n y',
    'an anchor that another document has': 'a: *shared',
  };
  for (const [title, broken] of Object.entries(BROKEN)) {
    it(`has the others with their lines: ${title}`, async () => {
      const lines = broken.split('\n').length;
      const text = `# head\n---\ngood: &shared 1\n---\n${broken}\n--- # and so on\ngood: 2\n---\n`;
      const [first, second, third, ...rest] = await read(text);
      assert.equal(first, '3 {"good":1}');
      assert.match(second ?? '', /^\d /);
      assert.ok(Number.parseInt(second ?? '', 10) >= 5 && Number.parseInt(second ?? '', 10) <= 5 + lines, second);
      assert.equal(third, `${6 + lines} {"good":2}`);
      assert.deepEqual(rest, []);
    });
  }

  it('is as good as without the broken ones, whatever they are', async () => {
    const good = fc.object({ maxDepth: 1 }).map((value) => JSON.stringify(value));
    const noise = fc.string({
      unit: fc.constantFrom('{', '}', '[', '"', "'", ':', ' ', '\n', 'a', '&', '*', '|', '>', '#', '!', '-'),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(good, noise, good, async (before, middle, after) => {
        fc.pre(!/^(---|\.\.\.)/m.test(middle));
        const decoded = await decode(Buffer.from(`${before}\n---\n${middle}\n---\n${after}\n`), 'yaml');
        const values = decoded.flatMap((each) => ('value' in each ? [each.value] : []));
        assert.deepEqual([values[0], values.at(-1)], [JSON.parse(before), JSON.parse(after)]);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused as a whole when documents cannot be told apart for sure', async () => {
    const whole = [
      '%TAG !x! tag:x,2027:\n---\na: !x!y 1\n...\n---\na: [\n',
      'a: 1\n<<<<<<< ours\n---\nb: 1\n=======\n---\nb: 2\n>>>>>>> theirs\n',
      'a: [\n',
    ];
    for (const text of whole) assert.match(await refusal(() => decode(Buffer.from(text), 'yaml')), /^\d is not valid YAML/, text);
  });

  it('is not cut at what only looks like a mark', async () => {
    assert.deepEqual(await read('a: |\n  ---\n  x\nb: ---x\n---x: 1\n'), ['1 {"a":"---\\nx\\n","b":"---x","---x":1}']);
  });
});

describe('bytes of a manifest', () => {
  it('may begin with a byte order mark', async () => {
    assert.deepEqual(await decode(Buffer.from('\uFEFF{"a":1}'), 'json'), [{ line: 1, value: { a: 1 } }]);
    assert.deepEqual(await decode(Buffer.from('\uFEFFa: 1'), 'yaml'), [{ line: 1, value: { a: 1 } }]);
  });

  it('may not be nested beyond what any manifest is', async () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    assert.match(await refusal(() => decode(Buffer.from(deep), 'json')), /nested more than 100 levels deep/);
    assert.match(await refusal(() => decode(Buffer.from(deep.slice(49_000, 51_000)), 'yaml')), /nested more than 100 levels deep/);
  });

  it('are refused or accepted, and never crash', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '-', '\n', ' ', 'a', '&', '*', '|', '\\') })
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom('json' as const, 'yaml' as const), async (input, format) => {
        await refusal(() => decode(Buffer.from(input), format));
      }),
      { numRuns: 2000 },
    );
  });
});
