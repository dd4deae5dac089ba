import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileSysctlMemory, keptAside, SYSCTL_FILE, type SysctlMemory } from '../../src/agent/memory.ts';
import type { RememberedSysctl } from '../../src/core/change.ts';
import { type Stage, scenario } from './stage.ts';

const LOOSE = { subnets: ['192.168.50.0/24'], reversePath: 'Loose' };
const ROUTE = '192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201';
const SET = '~ net.ipv4.conf.eth1.rp_filter = 2   # was 1';
const RESTORED = '~ net.ipv4.conf.eth1.rp_filter = 1   # was 2';
const REMEMBERED: readonly RememberedSysctl[] = [{ device: { index: 3, name: 'eth1' }, name: 'rp_filter', previous: 1, value: 2 }];

async function strict(stage: Stage): Promise<void> {
  stage.kernel.setRpFilter('eth1', 1);
  stage.put('a', LOOSE);
  await stage.start();
}

describe('a sysctl', () => {
  it(
    'is remembered before it is changed',
    scenario(async (stage) => {
      const seen: (readonly RememberedSysctl[])[] = [];
      stage.kernel.onApply = () => void seen.push(stage.memory.entries);
      await strict(stage);
      assert.deepEqual(seen, [REMEMBERED]);
      assert.deepEqual(stage.takeChanges(), [SET, `+ ${ROUTE}`]);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'shows its device among the links of the report, also when no route uses that one',
    scenario(async (stage) => {
      stage.kernel.setRpFilter('eth0', 1);
      stage.put('a', { ...LOOSE, via: { gateways: [{ address: '10.1.0.1' }, { address: '203.0.113.7' }] } });
      await stage.start();
      await stage.settle();
      assert.deepEqual(
        stage.report.status.facts.links.map(({ name, rpFilter }) => `${name} ${rpFilter}`),
        ['eth0 2', 'eth1 0'],
      );
    }),
  );

  it(
    'is restored and forgotten with the resource that wanted it',
    scenario(async (stage) => {
      await strict(stage);
      stage.takeChanges();
      stage.delete('a');
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [`- ${ROUTE}`, RESTORED]);
      assert.deepEqual(stage.memory.entries, []);
    }),
  );

  it(
    'is restored by the next agent, and left alone while it is still wanted',
    scenario(async (stage) => {
      await strict(stage);
      stage.takeChanges();
      await stage.restart();
      await stage.advance(60_000);
      assert.deepEqual(stage.takeChanges(), []);
      await stage.stop();
      stage.delete('a');
      await stage.restart();
      assert.deepEqual(stage.takeChanges(), [`- ${ROUTE}`, RESTORED]);
    }),
  );

  it(
    'is not changed when what it was cannot be stored; the routes are, and the resource says so',
    scenario(async (stage) => {
      stage.memory.refusal = new Error('cannot write /state/sysctls.json (ENOSPC: no space left on the device)');
      await strict(stage);
      assert.deepEqual(stage.takeChanges(), [`+ ${ROUTE}`]);
      assert.equal(stage.verdicts(), 'a: KernelRefused');
      assert.match(stage.resource('a').message, /its present value could not be stored: cannot write \/state\/sysctls\.json/);
      stage.memory.refusal = undefined;
      await stage.advance(1_000);
      assert.deepEqual(stage.takeChanges(), [SET]);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'that somebody sets back to strict is loosened again, and reported',
    scenario(async (stage) => {
      await strict(stage);
      stage.takeChanges();
      stage.kernel.setRpFilter('eth1', 1);
      stage.kernel.micros += 40;
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [SET]);
      const [entry] = stage.report.status.drift;
      assert.equal(entry?.event, 'SysctlChanged');
      assert.equal(entry?.object, 'sysctl net.ipv4.conf.eth1.rp_filter');
      assert.equal(entry?.cause, 'set by another process');
      assert.equal(entry?.restoredMicros, 40);
      assert.deepEqual(stage.memory.entries, REMEMBERED);
    }),
  );

  it(
    'that somebody switches off is theirs from then on',
    scenario(async (stage) => {
      await strict(stage);
      stage.takeChanges();
      stage.kernel.setRpFilter('eth1', 0);
      await stage.settle();
      stage.delete('a');
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [`- ${ROUTE}`]);
      assert.deepEqual(stage.memory.entries, []);
    }),
  );

  it(
    'wanted by two resources stays until both are gone',
    scenario(async (stage) => {
      await strict(stage);
      stage.put('b', { ...LOOSE, subnets: ['192.168.60.0/24'] });
      await stage.settle();
      stage.takeChanges();
      stage.delete('a');
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [`- ${ROUTE}`]);
      stage.delete('b');
      await stage.settle();
      assert.ok(stage.takeChanges().includes(RESTORED));
    }),
  );

  it(
    'is not restored while the source is incomplete',
    scenario(async (stage) => {
      await strict(stage);
      await stage.stop();
      stage.takeChanges();
      stage.delete('a');
      stage.put('broken', { subnets: [] });
      await stage.restart();
      assert.deepEqual(stage.takeChanges(), []);
      assert.deepEqual(stage.memory.entries, REMEMBERED);
      stage.delete('broken');
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [`- ${ROUTE}`, RESTORED]);
    }),
  );

  it(
    'is restored on its device, also when that got another name in the meantime',
    scenario(async (stage) => {
      await strict(stage);
      stage.takeChanges();
      stage.kernel.renameLink('eth1', 'lan0');
      await stage.settle();
      assert.deepEqual(stage.memory.entries, REMEMBERED);
      stage.delete('a');
      await stage.settle();
      assert.ok(stage.takeChanges().includes('~ net.ipv4.conf.lan0.rp_filter = 1   # was 2'));
      assert.deepEqual(stage.memory.entries, []);
    }),
  );

  it(
    'is restored by the next agent, when the device got another name while there was none',
    scenario(async (stage) => {
      await strict(stage);
      await stage.stop();
      stage.takeChanges();
      stage.delete('a');
      stage.kernel.renameLink('eth1', 'lan0');
      await stage.restart();
      assert.ok(stage.takeChanges().includes('~ net.ipv4.conf.lan0.rp_filter = 1   # was 2'));
    }),
  );

  it(
    'went with its device: a new device of that name is left alone',
    scenario(async (stage) => {
      await strict(stage);
      await stage.stop();
      stage.takeChanges();
      stage.kernel.removeLink('eth1');
      stage.kernel.addLink('eth1');
      stage.kernel.setRpFilter('eth1', 2);
      stage.delete('a');
      await stage.restart();
      assert.deepEqual(stage.takeChanges(), []);
      assert.deepEqual(stage.memory.entries, []);
    }),
  );

  it(
    'that cannot be restored from here is said at the start',
    scenario(async (stage) => {
      stage.memory.unusable = '/state/sysctls.json is damaged';
      await stage.start();
      assert.ok(stage.lines.includes('warn /state/sysctls.json is damaged'), stage.lines.join('\n'));
    }),
  );

  it(
    'is not touched when the device was not strict',
    scenario(async (stage) => {
      stage.put('a', LOOSE);
      await stage.start();
      assert.deepEqual(stage.takeChanges(), [`+ ${ROUTE}`]);
      assert.equal(stage.memory.saves, 0);
    }),
  );
});

describe('the file of sysctls', () => {
  const HERE = { boot: 'b1', network: 'net:[1]' };

  async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    try {
      await run(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const memoryOf = (folder: string, realm = HERE): SysctlMemory => fileSysctlMemory(folder, async () => realm);

  it('gives back what it was given, also from a folder that did not exist', () =>
    inFolder(async (folder) => {
      const memory = fileSysctlMemory(join(folder, 'deep', 'state'));
      assert.deepEqual(await memory.load(), { sysctls: [] });
      await memory.save(REMEMBERED);
      assert.deepEqual(await memory.load(), { sysctls: REMEMBERED });
      await memory.save([]);
      assert.deepEqual(await memory.load(), { sysctls: [] });
    }));

  it('is forgotten after a reboot: the values are gone, and the indexes mean other devices', () =>
    inFolder(async (folder) => {
      await memoryOf(folder).save(REMEMBERED);
      const memory = memoryOf(folder, { ...HERE, boot: 'b2' });
      assert.deepEqual(await memory.load(), { sysctls: [] });
      await memory.save([]);
      assert.deepEqual(await keptAside(folder), []);
    }));

  it('of another network namespace is not used, and kept', () =>
    inFolder(async (folder) => {
      await memoryOf(folder).save(REMEMBERED);
      const memory = memoryOf(folder, { ...HERE, network: 'net:[2]' });
      const { sysctls, unusable = '' } = await memory.load();
      assert.deepEqual(sysctls, []);
      assert.match(unusable, /net:\[1\], and not restored from net:\[2\]: there it was net\.ipv4\.conf\.eth1\.rp_filter = 1$/);
      assert.deepEqual(await memoryOf(folder).load(), { sysctls: REMEMBERED });
      await memory.save([]);
      assert.deepEqual(await keptAside(folder), [join(folder, `${SYSCTL_FILE}.net-1`)]);
    }));

  it('says that it is damaged, gives what makes sense, and is kept before it is written again', () =>
    inFolder(async (folder) => {
      const path = join(folder, SYSCTL_FILE);
      const damaged = ['', '{', 'null', '[]', '{"sysctls":7}', '{"version":1,"sysctls":[]}'];
      for (const text of damaged) {
        await writeFile(path, text);
        const { sysctls, unusable = '' } = await memoryOf(folder).load();
        assert.deepEqual(sysctls, [], text);
        assert.match(unusable, /sysctls\.json is damaged/, text);
      }
      const partly = JSON.stringify({ version: 2, ...HERE, sysctls: [{ device: 'eth1' }, null, ...REMEMBERED] });
      await writeFile(path, partly);
      const memory = memoryOf(folder);
      const { sysctls, unusable = '' } = await memory.load();
      assert.deepEqual(sysctls, REMEMBERED);
      assert.match(unusable, /damaged/);
      await memory.save(REMEMBERED);
      await memory.save([]);
      const kept = join(folder, `${SYSCTL_FILE}.damaged`);
      assert.deepEqual(await keptAside(folder), [kept]);
      assert.equal(await readFile(kept, 'utf8'), partly);
      await writeFile(path, '{');
      const again = memoryOf(folder);
      await again.load();
      await again.save([]);
      assert.deepEqual(await keptAside(folder), [kept, `${kept}-2`]);
    }));

  it('says why it cannot be written', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '');
      await assert.rejects(fileSysctlMemory(join(folder, 'file')).save([]), /cannot write .*sysctls\.json/);
      assert.equal(await readFile(join(folder, 'file'), 'utf8'), '');
    }));
});
