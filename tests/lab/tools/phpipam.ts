// The fake phpIPAM as a process of its own. Arguments: ADDRESS PORT SUBNETS [CERTIFICATE KEY], where SUBNETS is a JSON object of
// subnets by their number, such as {"7": {"cidr": "192.168.100.0/24", "gateway": "192.168.100.1"}}, and the others are files for TLS.
// User fairlead, password secret; application fairlead (user token) with TLS, open (None) without. Says "listening PORT", then obeys lines:
//   away, back: it is as if the database were gone, and is back
//   spoil NAME [KIND]: every request, or every one of a kind such as "POST addresses", meets this fault (tests/ipam/fake/faults.ts); spoil alone: none
//   late: does what has been left for later
//   rows, calls: prints what is recorded, and how often each kind of request has come, as JSON
//   record SUBNET ADDRESS HOSTNAME, forget ID: somebody records an address by hand, or deletes one
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Address } from '../../../src/core/ip/address.ts';
import { FAULTS, type FaultName } from '../../ipam/fake/faults.ts';
import { FakePhpIpam } from '../../ipam/fake-phpipam.ts';

const [host = '', port, subnets = '{}', certificate, key] = process.argv.slice(2);
const tls = certificate && key ? { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') } : undefined;
const fake = await FakePhpIpam.open({ host, port: Number(port), ...(tls && { tls }) });
const wanted = JSON.parse(subnets) as Readonly<Record<string, { readonly cidr: string; readonly gateway?: string }>>;
for (const [id, { cidr, ...rest }] of Object.entries(wanted)) fake.database.addSubnet(Number(id), cidr, rest);
process.stdout.write(`listening ${fake.port}\n`);

for await (const line of createInterface(process.stdin)) {
  const [command = '', ...words] = line.split(' ');
  process.stdout.write(`${await obey(command, words, line)}\n`);
}
await fake.close();

async function obey(command: string, words: readonly string[], line: string): Promise<string> {
  const { database } = fake;
  const [first = '', second = '', third = ''] = words;
  if (command === 'away' || command === 'back') database.down = command === 'away';
  else if (command === 'spoil') spoil(line.slice('spoil '.length));
  else if (command === 'late') await fake.finishLate();
  else if (command === 'rows') return JSON.stringify(database.all().map(({ ip, ...row }) => ({ ...row, ip: ip.text })));
  else if (command === 'calls') return JSON.stringify(Object.fromEntries(fake.calls));
  else if (command === 'record') return String(database.insert({ subnetId: Number(first), ip: Address.parse(second), hostname: third }).id);
  else if (command === 'forget') database.delete(Number(first));
  else throw new Error(`no such command: ${line}`);
  return `${line}: done`;
}

/** `silent 500, done POST addresses`: the name of a fault, and perhaps the kind of request that meets it. */
function spoil(text: string): void {
  const name = Object.keys(FAULTS).find((each): each is FaultName => text.startsWith(each));
  if (name === undefined && text !== '') throw new Error(`no such fault: ${text}`);
  const kind = text.slice(name?.length ?? 0).trim();
  fake.spoil = (each) => (name !== undefined && (kind === '' || kind === each) ? FAULTS[name] : undefined);
}
