import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isElf, needsOf, strip } from '../../tools/image/elf.ts';

/** The largest program at hand, with symbols and debug information: Node itself. */
const original = readFileSync(process.execPath);
const folder = mkdtempSync(join(tmpdir(), 'fairlead-elf-'));
const stripped = join(folder, 'node');
const readelf = (...args: string[]): string => execFileSync('readelf', ['--wide', ...args], { encoding: 'utf8' });

before(() => writeFileSync(stripped, strip('node', original), { mode: 0o755 }));
after(() => rmSync(folder, { recursive: true }));

describe('strip', () => {
  it('leaves a program that runs', () => {
    assert.equal(execFileSync(stripped, ['--print', '6 * 7 + process.version'], { encoding: 'utf8' }), `42${process.version}\n`);
  });

  it('takes away what is not loaded, and keeps all that is', () => {
    const sections = (path: string) =>
      [...readelf('--section-headers', path).matchAll(/^ *\[ *\d+\] (\S+) +(\S+) +(.*)$/gm)].map(([, ...of]) => of);
    const loaded = (list: ReturnType<typeof sections>) => list.filter(([, , rest = '']) => / [WAXTI]*A[WAXTI]* /.test(rest));
    assert.ok(loaded(sections(stripped)).length > 20);
    assert.deepEqual(loaded(sections(stripped)), loaded(sections(process.execPath)));
    assert.deepEqual(
      sections(stripped).filter(([name = '']) => /symtab|debug/.test(name)),
      [],
    );
    assert.equal(readelf('--segments', stripped), readelf('--segments', process.execPath));
    assert.ok(readFileSync(stripped).length < original.length);
  });

  it('changes nothing the second time', () => {
    const once = readFileSync(stripped);
    assert.ok(strip('node', once).equals(once));
  });
});

describe('the needs of a program', () => {
  it('are those that readelf names', () => {
    const { machine, interpreter, libraries } = needsOf('node', original);
    const named = [...readelf('--dynamic', process.execPath).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
    assert.ok(named.length > 3);
    assert.deepEqual(libraries, named);
    assert.equal(machine, process.arch === 'x64' ? 'amd64' : 'arm64');
    assert.match(readelf('--segments', process.execPath), new RegExp(`interpreter: ${interpreter}\\]`));
  });

  it('are known of 64-bit ELF files only', () => {
    assert.equal(isElf(Buffer.from('#!/bin/sh\n')), false);
    const other = Buffer.from(original.subarray(0, 4096));
    other.writeUInt16LE(40, 18);
    assert.throws(() => needsOf('toaster', other), /toaster is no 64-bit program for amd64 or arm64/);
  });
});
