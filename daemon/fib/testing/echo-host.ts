// A service host for kernel tests: answers every line over TCP and every datagram over UDP with its own name in front.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [name = '', tcpPort = '8080', udpPort = '9000'] = process.argv.slice(2);

const tcp = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => socket.write(`${name} ${chunk}`));
});
const udp = createSocket('udp6', (message, from) => udp.send(`${name} ${message}`, from.port, from.address));

tcp.listen(Number(tcpPort), '::', () => udp.bind(Number(udpPort), '::', () => process.send?.('ready')));
process.on('disconnect', () => process.exit());
