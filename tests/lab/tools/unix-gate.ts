// Forwards Unix sockets to addresses of this network namespace: arguments SOCKET ADDRESS PORT, repeated. Unix sockets, unlike TCP,
// reach across namespaces.
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

const args = process.argv.slice(2);
for (let i = 0; i < args.length; i += 3) {
  const [path, host, port] = args.slice(i, i + 3);
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: Number(port), allowHalfOpen: true });
    // A broken side breaks the other; who was connected sees it there.
    pipeline(near, far, () => {});
    pipeline(far, near, () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}
process.stdout.write('listening\n');
