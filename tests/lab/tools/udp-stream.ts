// Sends one numbered datagram each millisecond to an echo server until standard input closes, then prints
// {"sent", "received", "lost": [sequence numbers]} as JSON. Arguments: ADDRESS PORT. Says "flowing" at the first echo.
import { createSocket } from 'node:dgram';

const [address = '', port] = process.argv.slice(2);
const QUIET_MS = 500;
const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 22 });
const missing = new Set<number>();
let sent = 0;
let lastEcho = performance.now();

socket.on('message', (message) => {
  if (missing.size === sent) process.stdout.write('flowing\n');
  missing.delete(message.readUInt32BE(0));
  lastEcho = performance.now();
});
// ICMP errors and unreachable routes: the packet is lost, and counted as such.
socket.on('error', () => {});

const start = performance.now();
const sender = setInterval(() => {
  while (sent < performance.now() - start) send();
}, 1);

function send(): void {
  const message = Buffer.alloc(16);
  message.writeUInt32BE(sent);
  missing.add(sent++);
  socket.send(message, Number(port), address, () => {});
}

/** Late echoes are waited for: what is still missing after half a second of silence is lost. */
function finish(): void {
  clearInterval(sender);
  const stopped = performance.now();
  const wait = setInterval(() => {
    if (missing.size > 0 && performance.now() - Math.max(lastEcho, stopped) < QUIET_MS) return;
    clearInterval(wait);
    process.stdout.write(`${JSON.stringify({ sent, received: sent - missing.size, lost: [...missing] })}\n`);
    socket.close();
  }, 5);
}

process.stdin.on('end', finish).resume();
