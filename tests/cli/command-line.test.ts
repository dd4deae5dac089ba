import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandHelp, flagText, overview } from '../../src/cli/help.ts';
import { parseCommandLine, UsageError } from '../../src/runtime/config.ts';
import { Bench } from './support.ts';

describe('help', () => {
  it('names every command with what it does', () => {
    for (const { name, summary } of COMMANDS) assert.match(overview(), new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  for (const command of COMMANDS) {
    it(`of ${command.name} names every flag of it`, () => {
      const help = commandHelp(command);
      assert.match(help, new RegExp(`^Usage: fairlead ${command.name}`, 'm'));
      for (const flag of command.flags) assert.ok(help.includes(`  ${flagText(flag)} `), flag.name);
      assert.match(help, /^ {2}-h, --help +show this help$/m);
      assert.doesNotMatch(help, / $/m);
    });
  }

  it('shows choices and defaults', () => {
    const plan = COMMANDS.find(({ name }) => name === 'plan');
    assert.ok(plan);
    assert.match(commandHelp(plan), /-o, --output FORMAT +output format: text, json, yaml \(default: text\)/);
    assert.match(commandHelp(plan), /--state DIR +.* \(default: \/var\/lib\/fairlead\)/);
  });
});

describe('wrong usage', () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['plan', ['--frobnicate'], /^fairlead plan: Unknown option '--frobnicate'; see "fairlead plan --help"$/],
    ['plan', ['-x'], /^fairlead plan: Unknown option '-x'; see "fairlead plan --help"$/],
    ['plan', ['--node'], /^fairlead plan: Option '--node <value>' argument missing; see/],
    ['plan', ['--node', '--status', 'x'], /^fairlead plan: Option '--node' argument is ambiguous; see/],
    ['plan', ['--help=yes'], /^fairlead plan: Option '-h, --help' does not take an argument; see/],
    ['plan', ['-o', 'xml'], /^fairlead plan: --output xml: use one of text, json, yaml$/],
    ['agent', ['--log', 'pretty'], /^fairlead agent: --log pretty: use one of text, json$/],
    ['version', ['--node', 'x'], /^fairlead version: Unknown option '--node'; see "fairlead version --help"$/],
  ];
  for (const [command, args, message] of cases) {
    it(`${command} ${args.join(' ')}`, () => {
      const flags = COMMANDS.find(({ name }) => name === command)?.flags ?? [];
      assert.throws(
        () => parseCommandLine(command, args, flags),
        (error: unknown) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/, 'one line');
          return true;
        },
      );
    });
  }

  it('an operand where none belongs names the flag that was meant', () =>
    Bench.with(async (bench) => {
      await assert.rejects(bench.run('plan', 'routes/'), (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.equal(error.message, 'unexpected "routes/"; the folder with resources is named by --manifests DIR');
        return true;
      });
    }));

  it('plan, apply and agent ask for the folder before anything else', () =>
    Bench.with(async (bench) => {
      for (const command of ['plan', 'apply', 'agent'])
        await assert.rejects(bench.run(command, ...bench.here), /--manifests DIR is missing/);
    }));

  it('a destination to protect must be a prefix', () =>
    Bench.with(async (bench) => {
      await assert.rejects(bench.run('plan', '--manifests', 'x', '--protect', '10.0.0.1/8'), (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.equal(error.message, '--protect: "10.0.0.1/8" has host bits set: write 10.0.0.0/8');
        return true;
      });
    }));
});

describe('small commands', () => {
  it('version', () =>
    Bench.with(async (bench) => {
      assert.deepEqual(await bench.run('version'), { status: EXIT.ok, out: `fairlead 1.2.3 (Node ${process.versions.node})\n`, err: '' });
    }));

  it('crds', () =>
    Bench.with(async (bench) => {
      assert.deepEqual(await bench.run('crds'), { status: EXIT.ok, out: 'the definitions\n', err: '' });
    }));
});

/** The program itself, from another folder. */
function fairlead(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const program = join(import.meta.dirname, '../../bin/fairlead');
  return spawnSync(program, args, { cwd: '/', encoding: 'utf8', env: { PATH: process.env['PATH'] } });
}

describe('bin/fairlead', () => {
  it('prints help: asked for with status 0, unasked with status 64', () => {
    for (const args of [['--help'], ['-h'], ['help']])
      assert.deepEqual([fairlead(...args).status, fairlead(...args).stdout], [0, overview()]);
    assert.deepEqual([fairlead().status, fairlead().stdout], [64, overview()]);
    assert.match(fairlead('plan', '--help').stdout, /^Show what would change on this node, and why\.\n/);
  });

  it('prints its version', () => {
    for (const flag of ['version', '--version']) assert.match(fairlead(flag).stdout, /^fairlead \S+ \(Node 24\.\d+\.\d+\)\n$/);
  });

  it('ends with 64 and one line for wrong usage', () => {
    assert.deepEqual(
      [fairlead('frobnicate').status, fairlead('frobnicate').stderr],
      [64, 'fairlead: there is no command "frobnicate"; see "fairlead --help"\n'],
    );
    assert.equal(fairlead('plan').stderr, '--manifests DIR is missing: name the folder with resources\n');
    assert.equal(fairlead('plan', '--nonsense').status, 64);
  });

  it('ends with 1 and one line for what cannot be done', () => {
    const missing = fairlead('status', '--status', '/nowhere/at/all');
    assert.equal(missing.status, 1);
    assert.equal(
      missing.stderr,
      'there is no report at /nowhere/at/all/nodereport.yaml: start "fairlead agent", or name its folder with --status\n',
    );
  });
});
