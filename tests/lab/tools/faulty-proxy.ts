// A TcpProxy on loopback of the network namespace that this runs in. Arguments: HOST PORT of the server behind it. Says
// "listening PORT", then obeys lines: pass, stall [answers|requests], truncate BYTES, slow BYTES_PER_SECOND, cut, refuse, accept.
import { createInterface } from 'node:readline';
import { type Direction, TcpProxy } from '../tcp-proxy.ts';

const [host = '', port] = process.argv.slice(2);
const proxy = await TcpProxy.open({ host, port: Number(port) });
process.stdout.write(`listening ${proxy.port}\n`);

for await (const line of createInterface(process.stdin)) {
  const [command = '', argument = ''] = line.split(' ');
  await obey(command, argument);
  process.stdout.write(`${line}: done\n`);
}

async function obey(command: string, argument: string): Promise<void> {
  if (command === 'pass') proxy.pass();
  else if (command === 'stall') proxy.stall(...(argument === '' ? [] : [argument as Direction]));
  else if (command === 'truncate') proxy.truncate(Number(argument));
  else if (command === 'slow') proxy.slow(Number(argument));
  else if (command === 'cut') proxy.cut();
  else if (command === 'refuse') proxy.refuse();
  else if (command === 'accept') await proxy.accept();
  else throw new Error(`no such command: ${command}`);
}
