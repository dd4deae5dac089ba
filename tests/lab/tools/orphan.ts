// Makes a lab with a process in it, prints their names, and then waits to be killed.
import { Lab } from '../lab.ts';

const lab = await Lab.create({ hosts: { a: {}, b: {} }, links: [{ name: 'wire', ends: { 'a:eth0': [], 'b:eth0': [] } }] });
const sleeper = lab.host('a').spawn('sh', '-c', 'echo here; exec sleep 600');
// Not before it is in the namespace, which takes a moment on a busy machine.
await sleeper.printed(/here/);
const namespaces = ['a', 'b'].map((name) => lab.host(name).namespace);
process.stdout.write(`${JSON.stringify({ namespaces, pid: sleeper.pid })}\n`);
