import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Answer, readAnswer, readId, wordsOf } from '../../src/ipam/phpipam/answer.ts';
import { foreignAnswer, judge, type Setting } from '../../src/ipam/phpipam/verdict.ts';
import { IpamUnavailable } from '../../src/ipam/provider.ts';
import { RECORDINGS, readRecording } from './replay.ts';

const SETTING: Setting = { address: 'https://ipam.example/api/fairlead', auth: 'UserToken', secret: 'Secret phpipam' };

function read(body: string, status = 200): Answer {
  return readAnswer({ status, body, location: undefined, retryAfter: undefined });
}

describe('an answer of phpIPAM', () => {
  it('is a success when it says so itself, in either dialect', () => {
    const success = { type: 'success', data: undefined, id: '105' };
    assert.deepEqual(read('{"code":201,"success":true,"message":"Address created","id":"105","time":0.003}'), success);
    assert.deepEqual(read('{"code":"201","success":"1","id":105}', 500), success);
    assert.deepEqual(read('<b>Deprecated</b>: x in y.php\n{"code":200,"success":true,"data":"10.0.0.2"}'), {
      type: 'success',
      data: '10.0.0.2',
      id: undefined,
    });
  });

  it('is a refusal when it says so, whatever the status of HTTP', () => {
    const busy = { type: 'refusal', code: 500, message: 'Cannot obtain lock for /tmp/phpipam_api_lock.txt after 1.0035 seconds' };
    assert.deepEqual(
      read('{"code":500,"success":false,"message":"Cannot obtain lock for \\/tmp\\/phpipam_api_lock.txt after 1.0035 seconds"}'),
      busy,
    );
    assert.deepEqual(read('<div class=\'alert\'>Error</div>{"code":500,"success":false,"message":"Error"}', 500), {
      type: 'refusal',
      code: 500,
      message: 'Error',
    });
    assert.deepEqual(read('{"code":404,"success":true}'), { type: 'refusal', code: 404, message: 'code 404' });
    assert.deepEqual(read('{"code":200,"success":false}'), { type: 'refusal', code: 200, message: 'code 200' });
  });

  it('is none when phpIPAM has not written it', () => {
    for (const body of ['[]', '"x"', 'null', '{}', '{"code":"x","success":true}', '{"code":200,"success":tr']) {
      assert.equal(read(body).type, 'foreign', body);
    }
    assert.deepEqual(read(''), { type: 'foreign', words: '' });
    assert.deepEqual(read('<html><title>404</title>\r\n<body>Not\tFound</body></html>'), { type: 'foreign', words: '404 Not Found' });
  });

  it('is quoted on one line, and not at length', () => {
    assert.equal(wordsOf(`a\u0000\u001b[31m\n\n<p class="x">b</p>${'c'.repeat(500)}`).length, 120);
    assert.doesNotMatch(wordsOf('a\u0000\u001b[31m\nb'), /\p{Cc}/u);
  });

  it('has identifiers that MySQL cannot misread', () => {
    assert.deepEqual([105, '105', 0, '0', '', '10abc', '-1', 1.5, '1e3', ' 1', null, {}].map(readId), [
      '105',
      '105',
      ...Array(10).fill(undefined),
    ]);
  });
});

/** Refusals that were recorded: what becomes of each, wherever it is met. All others are for whoever asked. */
const VERDICTS: Readonly<Record<string, string>> = {
  '401 Unauthorized': 'token',
  '403 Invalid token': 'token',
  '403 Token expired': 'token',
  '403 Please provide token': 'token',
  '500 Invalid username or password': 'credentials',
  '500 User account is disabled': 'credentials',
  '500 Your IP has been blocked for 5 minutes because of excessive login failures': 'blocked IpamUnavailable',
  '401 invalid permissions': 'failed IpamRefused',
  '400 Invalid application id': 'failed IpamRefused',
  '503 Application disabled': 'failed IpamRefused',
  '503 API server disabled': 'failed IpamRefused',
  '503 Invalid app permissions': 'other',
  '503 SSL connection is required for API': 'failed IpamRefused',
  '400 Please provide username and password': 'failed IpamRefused',
  '409 Authentication not needed': 'failed IpamRefused',
  '415 Invalid Content type': 'failed IpamRefused',
  '415 Invalid Content type text/plain': 'failed IpamRefused',
  '500 Cannot obtain lock for /tmp/phpipam_api_lock.txt after N seconds': 'failed IpamUnavailable',
  '500 MySQL wait timeout exceeded after N seconds': 'failed IpamUnavailable',
  '500 Cannot open file /tmp/phpipam_api_lock.txt': 'failed IpamRefused',
  "500 Error: SQLSTATE[22001]: String data, right truncated: 1406 Data too long for column 'description' at row 1": 'failed IpamRefused',
};

/** Every refusal in the recordings, once. */
function recordedRefusals(): Map<string, { readonly code: number; readonly message: string }> {
  const names = readdirSync(RECORDINGS).map((file) => file.replace(/\.json$/, ''));
  const answers = names
    .flatMap((name) => readRecording(name).exchanges)
    .flatMap(({ response }) => (response ? [readAnswer({ ...response, location: undefined, retryAfter: undefined })] : []));
  return new Map(
    answers.flatMap((answer) =>
      answer.type === 'refusal'
        ? [[`${answer.code} ${answer.message.replace(/after [\d.]+ seconds/, 'after N seconds')}`, answer] as const]
        : [],
    ),
  );
}

describe('the verdict on a refusal', () => {
  const recorded = recordedRefusals();

  it('is right for each that was recorded and says the same everywhere', () => {
    for (const [words, expected] of Object.entries(VERDICTS)) {
      const refusal = recorded.get(words);
      assert.ok(refusal, `${words} was not recorded`);
      const verdict = judge({ type: 'refusal', ...refusal }, SETTING);
      const name = 'error' in verdict && verdict.type !== 'credentials' ? ` ${verdict.error.name}` : '';
      assert.equal(`${verdict.type}${name}`, expected, words);
    }
  });

  it('is left to whoever asked for all the others', () => {
    const others = [...recorded].filter(([words]) => !(words in VERDICTS) && !words.includes('SQLSTATE[22001]'));
    assert.ok(others.length > 20);
    for (const [words, refusal] of others) assert.equal(judge({ type: 'refusal', ...refusal }, SETTING).type, 'other', words);
  });

  it('on a page is that it may pass when a server is in trouble, and that a person has to mend it otherwise', () => {
    const verdictOn = (status: number, body: string): string => {
      const raw = { status, body, location: undefined, retryAfter: undefined };
      const answer = readAnswer(raw);
      assert.ok(answer.type === 'foreign');
      return foreignAnswer(answer, raw, SETTING) instanceof IpamUnavailable ? 'passes' : 'stays';
    };
    for (const status of [429, 500, 502, 503, 504]) assert.equal(verdictOn(status, '<h1>Trouble</h1>'), 'passes');
    for (const status of [200, 301, 400, 401, 403, 404, 405, 413]) assert.equal(verdictOn(status, '<h1>Page</h1>'), 'stays');
    assert.equal(verdictOn(200, ''), 'passes');
    assert.equal(verdictOn(200, '{"code":200,"succ'), 'passes');
  });
});
