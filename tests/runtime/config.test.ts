import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { coloursWanted, defaultNodeName, FLAGS, parseCommandLine, parseListen, UsageError } from '../../src/runtime/config.ts';

const flags = [FLAGS.node, FLAGS.protect, FLAGS.output, FLAGS.state];

describe('a command line', () => {
  it('gives values, defaults and operands', () => {
    const line = parseCommandLine('plan', ['--node', 'n1', '-o', 'json', 'one', '--', '--two'], flags);
    assert.equal(line.text(FLAGS.node), 'n1');
    assert.equal(line.text(FLAGS.output), 'json');
    assert.equal(line.text(FLAGS.state), '/var/lib/fairlead');
    assert.equal(line.text(FLAGS.listen), undefined);
    assert.deepEqual(line.operands, ['one', '--two']);
    assert.deepEqual([line.has(FLAGS.node), line.has(FLAGS.state), line.has(FLAGS.help)], [true, false, false]);
  });

  it('lets the last value of a flag win, and keeps all of one that repeats', () => {
    const line = parseCommandLine('plan', ['--node=a', '--node=b', '--protect', '10.0.0.0/8', '--protect=::1/128'], flags);
    assert.equal(line.text(FLAGS.node), 'b');
    assert.deepEqual(line.list(FLAGS.protect), ['10.0.0.0/8', '::1/128']);
    assert.deepEqual(line.list(FLAGS.state), []);
  });

  it('knows --help and -h for every command', () => {
    for (const arg of ['--help', '-h']) assert.ok(parseCommandLine('plan', [arg], []).has(FLAGS.help));
  });

  it('takes no empty value: an unset variable of a script is a mistake', () => {
    for (const args of [['--state', ''], ['--state='], ['--protect', '10.0.0.0/8', '--protect', '']]) {
      assert.throws(
        () => parseCommandLine('plan', args, flags),
        /^UsageError: fairlead plan: --\w+ is empty: write --(state DIR|protect CIDR)$/,
      );
    }
  });

  it('checks choices, in each form', () => {
    for (const args of [['-o', 'xml'], ['-oxml'], ['--output=xml']]) {
      assert.throws(
        () => parseCommandLine('plan', args, flags),
        new UsageError('fairlead plan: --output xml: use one of text, json, yaml'),
      );
    }
  });
});

describe('an address to listen on', () => {
  const good = {
    '127.0.0.1:9410': { host: '127.0.0.1', port: 9410 },
    '[::1]:9410': { host: '::1', port: 9410 },
    ':9410': { host: '::', port: 9410 },
    'localhost:0': { host: 'localhost', port: 0 },
    '0.0.0.0:65535': { host: '0.0.0.0', port: 65535 },
  };
  for (const [text, expected] of Object.entries(good)) it(text, () => assert.deepEqual(parseListen(text), expected));

  for (const text of [
    '',
    '9410',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:9410',
    '[::1]',
    'a b:1',
    '127.0.0.1:9410/x',
    '[host]:1',
  ]) {
    it(`not "${text}"`, () =>
      assert.throws(() => parseListen(text), new UsageError(`--listen ${text}: write ADDR:PORT, for example 127.0.0.1:9410`)));
  }
});

it('the default name of a node is the host name in lower case', () => assert.equal(defaultNodeName(), hostname().toLowerCase()));

describe('colours', () => {
  it('are for terminals only, and not where NO_COLOR is set', (t) => {
    const before = process.env['NO_COLOR'];
    t.after(() => {
      if (before === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = before;
    });
    delete process.env['NO_COLOR'];
    assert.deepEqual([coloursWanted({ isTTY: true }), coloursWanted({ isTTY: false }), coloursWanted({})], [true, false, false]);
    process.env['NO_COLOR'] = '1';
    assert.equal(coloursWanted({ isTTY: true }), false);
    process.env['NO_COLOR'] = '';
    assert.equal(coloursWanted({ isTTY: true }), true, 'an empty value does not count, says no-color.org');
  });
});
