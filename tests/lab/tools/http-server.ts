// Answers every request with one line: its name and the caller's address. Arguments: ADDRESS PORT NAME.
import { createServer } from 'node:http';

const [address, port, name] = process.argv.slice(2);
const server = createServer((request, response) => {
  response.setHeader('Connection', 'close').end(`${name} answers ${request.socket.remoteAddress}`);
});
server.listen(Number(port), address, () => process.stdout.write('listening\n'));
