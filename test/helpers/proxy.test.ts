import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { startProxy } from './proxy.ts';

it('the bad network of the tests never changes the order of bytes, which no network does', async () => {
  let heard = '';
  const server = createServer((socket) => socket.on('data', (piece) => socket.write(piece))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using proxy = await startProxy((server.address() as AddressInfo).port, () => 1);
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  socket.on('data', (piece) => {
    heard += String(piece);
  });
  await once(socket, 'connect');
  for (const [delayMs, text] of [
    [100, 'a'],
    [50, 'b'],
    [0, 'c'],
    [100, 'd'],
    [0, 'e'],
  ] as const) {
    proxy.harm({ delayMs });
    socket.write(text);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  await expect.poll(() => heard, { timeout: 10_000 }).toHaveLength(5);
  expect(heard).toBe('abcde');
  socket.destroy();
  server.close();
});
