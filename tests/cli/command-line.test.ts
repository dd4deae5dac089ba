import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandHelp, flagText, overview } from '../../src/cli/help.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { paint } from '../../src/cli/text.ts';
import { readUsage } from '../../src/cli/usage.ts';
import { UsageError } from '../../src/runtime/config.ts';
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
    ['plan', ['--manifests', ''], /^fairlead plan: --manifests is empty: write --manifests DIR$/],
    ['status', ['--status='], /^fairlead status: --status is empty: write --status DIR$/],
    ['version', ['extra'], /^fairlead version: unexpected "extra"$/],
    ['crds', ['a', 'b'], /^fairlead crds: unexpected "a b"$/],
    ['cleanup', ['routes/'], /^fairlead cleanup: unexpected "routes\/"; the folder with resources is named by --manifests DIR$/],
    ['version', ['--node', 'x'], /^fairlead version: Unknown option '--node'; see "fairlead version --help"$/],
  ];
  for (const [command, args, message] of cases) {
    it(`${command} ${args.join(' ')}`, () => {
      const used = COMMANDS.find(({ name }) => name === command);
      assert.ok(used);
      assert.throws(
        () => readUsage(used, args),
        (error: unknown) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/, 'one line');
          return true;
        },
      );
    });
  }

  it('plan, apply and agent ask for the folder before anything else', () =>
    Bench.with(async (bench) => {
      for (const command of ['plan', 'apply', 'agent'])
        await assert.rejects(bench.run(command, ...bench.here), /--manifests DIR or --kubeconfig FILE is missing/);
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

describe('text for people', () => {
  const shown = (text: string, colours: boolean): string => {
    const written: string[] = [];
    openTerminal({ out: (part) => void written.push(part), err: () => {} }, colours).out(text);
    return written.join('');
  };

  it('shows control characters from files instead of obeying them', () => {
    for (const colours of [true, false]) {
      assert.equal(
        shown('a\u001b]0;title\u0007b\rc\u009b2Jd\u007fe\u202ef\n', colours),
        'a\\u001b]0;title\\u0007b\\u000dc\\u009b2Jd\\u007fe\\u202ef\n',
      );
    }
  });

  it('keeps line ends, tabs, every other script, and the colours that we paint', () => {
    const text = `a\tü 中 🚢\n${paint('x', 'red', true)}\n`;
    assert.equal(shown(text, true), text);
    assert.equal(shown('\u001b[31mred\u001b[0m', false), '\\u001b[31mred\\u001b[0m');
    assert.equal(shown('\u001b[2J\u001b[7m', true), '\\u001b[2J\\u001b[7m');
  });

  it('says the same on standard error', () => {
    const written: string[] = [];
    openTerminal({ out: () => {}, err: (part) => void written.push(part) }, false).err('\u001b[2J');
    assert.deepEqual(written, ['\\u001b[2J']);
  });
});

/** The program itself, from another folder. */
function fairlead(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const program = join(import.meta.dirname, '../../bin/fairlead');
  return spawnSync(program, args, { cwd: '/', encoding: 'utf8', env: { PATH: process.env['PATH'] } });
}

describe('in a pod without a service account', () => {
  const env = { PATH: process.env['PATH'], KUBERNETES_SERVICE_HOST: '127.0.0.1' };
  for (const [args, words] of [
    [['controller'], /^the file .*\/namespace cannot be read .*: put it there, or name the namespace with --namespace\n$/],
    [['status', '--cluster'], /^cannot list nodereports: the file .*\/token cannot be read .*: put it there\n$/],
  ] as const) {
    it(`${args.join(' ')} says in one line what is missing`, () => {
      const { status, stderr } = spawnSync(process.execPath, ['src/bin/fairlead.ts', ...args], { encoding: 'utf8', env });
      assert.equal(status, EXIT.failed);
      assert.match(stderr, words);
    });
  }
});

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

  it('runs by its bare name through sh, by PATH, and by a link that makes it a plug-in of kubectl', async (t) => {
    const bin = join(import.meta.dirname, '../../bin');
    const links = await mkdtemp(join(tmpdir(), 'fairlead-launcher-'));
    t.after(() => rm(links, { recursive: true }));
    await symlink(join(bin, 'fairlead'), join(links, 'kubectl-fairlead'));
    const path = process.env['PATH'] ?? '';
    const calls: readonly (readonly [command: string, cwd: string, path: string])[] = [
      ['sh fairlead version', bin, path],
      ['sh ./fairlead version', bin, path],
      ['fairlead version', '/', `${bin}:${path}`],
      ['fairlead version', bin, `.:${path}`],
      ['bash fairlead version', '/', `${bin}:${path}`],
      ['kubectl-fairlead version', '/', `${links}:${path}`],
      ['sh kubectl-fairlead version', links, path],
      ['./kubectl-fairlead version', links, path],
    ];
    for (const [command, cwd, PATH] of calls) {
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd, encoding: 'utf8', env: { PATH } });
      assert.deepEqual([status, stderr], [0, ''], `${command} in ${cwd}`);
      assert.match(stdout, /^fairlead /);
    }
  });

  it('ends with 64 and one line for wrong usage', () => {
    assert.deepEqual(
      [fairlead('frobnicate').status, fairlead('frobnicate').stderr],
      [64, 'fairlead: there is no command "frobnicate"; see "fairlead --help"\n'],
    );
    assert.equal(
      fairlead('plan').stderr,
      '--manifests DIR or --kubeconfig FILE is missing: name the folder or the cluster with resources\n',
    );
    assert.equal(fairlead('plan', '--nonsense').status, 64);
    assert.equal(fairlead('version', 'extra').status, 64);
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
