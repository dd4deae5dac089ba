// Makes a lab with a process in it, prints their names, and then waits to be killed.
import { Lab } from '../lab.ts';

const lab = await Lab.create({ hosts: { a: {}, b: {} }, links: [{ name: 'wire', ends: { 'a:eth0': [], 'b:eth0': [] } }] });
const sleeper = lab.host('a').spawn('sleep', '600');
const namespaces = ['a', 'b'].map((name) => lab.host(name).namespace);
process.stdout.write(`${JSON.stringify({ namespaces, pid: sleeper.pid })}\n`);
