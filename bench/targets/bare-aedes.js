/**
 * The reference: aedes as it comes, without hooks and subscribers. It accepts every client and acknowledges.
 * With --provision, a request on /provision/request is answered with a fixed credential: the exchange alone.
 */
import net from 'node:net';
import { Aedes } from 'aedes';

const ANSWER = JSON.stringify({
  credentialsValue: 'bench-token-00000000',
  credentialsType: 'ACCESS_TOKEN',
  status: 'SUCCESS',
});

const broker = new Aedes();
await broker.listen();
if (process.argv.includes('--provision')) {
  broker.on('publish', (packet, client) => {
    if (!client || packet.topic !== '/provision/request') return;
    /** @type {import('aedes').PublishPacket} */
    const answer = { cmd: 'publish', topic: '/provision/response', payload: ANSWER, qos: 1, retain: false, dup: false };
    client.publish(answer, () => {});
  });
}

const server = net.createServer({ noDelay: true }, broker.handle);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  process.stdout.write(`${JSON.stringify({ event: 'ready', port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
