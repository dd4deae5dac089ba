import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { PhpIpam } from '../../src/core/resources.ts';
import { openPhpIpam } from '../../src/ipam/phpipam/phpipam.ts';
import { hold } from '../../src/ipam/provider.contract.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { USER } from './pools.ts';

const PROGRAM = join(import.meta.dirname, '../lab/tools/phpipam.ts');
const SUBNETS = { 7: { cidr: '192.168.100.0/24', gateway: '192.168.100.1' } };

/** Writes a line to a process, and reads what it says next. */
type Talk = (line?: string) => Promise<string>;

function talkTo({ stdin, stdout }: ChildProcessByStdio<Writable, Readable, null>): Talk {
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  return async (line) => {
    if (line !== undefined) stdin.write(`${line}\n`);
    return String((await lines.next()).value);
  };
}

describe('the fake phpIPAM as a process of its own', { timeout: 60_000 }, () => {
  it('serves, obeys and tells what has happened', async () => {
    const child = spawn(process.execPath, [PROGRAM, '127.0.0.1', '0', JSON.stringify(SUBNETS)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const talk = talkTo(child);
    const [, port] = (await talk()).split(' ');
    const ipam: PhpIpam = {
      type: 'phpIPAM',
      url: `http://127.0.0.1:${port}`,
      appID: 'open',
      auth: 'None',
      subnetMap: new Map([['*', [7]]]),
      insecureSkipTLSVerify: false,
    };
    const options = { ipam, pool: 'pool', cluster: { uid: 'u', name: 'prod' }, credentials: async () => USER, clock: systemClock };
    const provider = openPhpIpam(options);
    try {
      await talk('record 7 192.168.100.2 printer-7');
      const claims = await provider.claim([hold('node-1', '192.168.100.2'), hold('node-1', '192.168.100.3')]);
      assert.deepEqual(
        claims.map(({ outcome }) => outcome),
        ['taken', 'held'],
      );
      assert.match(await talk('rows'), /"hostname":"node-1\.pool".*"ip":"192\.168\.100\.3"/);
      assert.equal(JSON.parse(await talk('calls'))['POST addresses'], 1);
      assert.equal(await talk('spoil silent 500, done POST addresses'), 'spoil silent 500, done POST addresses: done');
      await assert.rejects(provider.claim([hold('node-2', '192.168.100.4')]), /answers 500 without a word/);
      await talk('spoil');
      assert.equal((await provider.claim([hold('node-2', '192.168.100.4')]))[0]?.outcome, 'held');
      await talk('away');
      await assert.rejects(provider.look(), /answers 500 without a word/);
    } finally {
      await provider.close();
      child.stdin.end();
      await new Promise((resolve) => child.once('exit', resolve));
    }
    assert.equal(child.exitCode, 0);
  });
});
