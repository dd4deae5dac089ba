import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { parse } from 'yaml';
import { CLUSTER, secret, withCluster } from '../cli/ipam-bench.ts';
import { entry, overlayIP } from '../cli/ipam-builders.ts';
import { Authority } from '../cluster/kubernetes/certificates.ts';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { blocks, page, ROOT } from './markdown.ts';

let authority: Authority;

before(async () => {
  authority = await Authority.make();
});
after(() => authority?.delete());

it('the pool and the Secret of docs/phpipam.md open the subnets that they name', async () => {
  const fake = await FakePhpIpam.open({ tls: await authority.server('IP:127.0.0.1') });
  try {
    for (const id of [7, 8, 9]) fake.database.addSubnet(id, `192.168.${id}.0/24`, { gateway: `192.168.${id}.1` });
    const pool = parse(readFileSync(join(ROOT, 'examples/phpipam/pool.yaml'), 'utf8'));
    // Where it is, and who vouches for it, is another thing here.
    Object.assign(pool.spec.ipam.phpIPAM, { url: fake.url, caBundle: authority.certificate });
    pool.status = { ledger: [entry('192.168.8.4 n1')] };
    await withCluster([pool, overlayIP('n1 192.168.8.4', 'phpipam')], async (bench) => {
      bench.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
      bench.api.put(secretOf('docs/phpipam.md'));
      const said = await bench.run('ipam', 'check', ...CLUSTER, '--repair');
      assert.match(said.out, /^phpipam 192\.168\.8\.4: .*: recorded in phpIPAM \(record \d+\)\n1 address, 1 difference, 1 repaired\n$/);
      assert.deepEqual([said.status, said.err], [0, '']);
    });
  } finally {
    await fake.close();
  }
});

/** What the command that a page shows makes, with the password of the fake. */
function secretOf(path: string): ReturnType<typeof secret> {
  const command = blocks(page(path).text).find(({ text }) => text.includes('create secret generic'))?.text ?? '';
  const [, name = ''] = /secret generic (\S+)/.exec(command) ?? [];
  const literals = [...command.matchAll(/--from-literal=(\w+)=(\w+)/g)].map(([, key = '', text = '']) => [key, text]);
  return secret(name, { ...Object.fromEntries(literals), password: 'secret' });
}
