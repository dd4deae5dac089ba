// Sends every datagram back. Arguments: ADDRESS PORT.
import { createSocket } from 'node:dgram';

const [address = '', port] = process.argv.slice(2);
const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 22 });
socket.on('message', (message, from) => socket.send(message, from.port, from.address));
// A failed answer is a lost packet, which the sender counts.
socket.on('error', () => {});
socket.bind(Number(port), address, () => process.stdout.write('listening\n'));
