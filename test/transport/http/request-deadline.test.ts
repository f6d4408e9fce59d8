import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { limitRequestTime } from '../../../src/transport/http/request-deadline.ts';

const PERIOD_MS = 200;
const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A server that reads bodies and answers with their length; bodies to /slow may take their time. */
async function start(): Promise<Socket & { answer: Promise<string> }> {
  const read = async (request: IncomingMessage): Promise<number> => {
    let length = 0;
    for await (const piece of request) length += (piece as Buffer).length;
    return length;
  };
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const begun = request.url === '/late' ? setTimeout(PERIOD_MS * 3) : Promise.resolve();
    begun
      .then(() => read(request))
      .then(
        (length) => response.end(String(length)),
        () => response.destroy(),
      );
  });
  const deadlines = limitRequestTime(server, PERIOD_MS);
  server.on('request', (request) => request.url === '/slow' && deadlines.allowSlow(request));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  open.push(server, { close: () => socket.destroy() });
  let text = '';
  socket.on('data', (bytes) => {
    text += String(bytes);
  });
  return Object.assign(socket, { answer: once(socket, 'close').then(() => text) });
}

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;

/** Writes a piece five times in every period; gives how many are still to be written. */
const drip = (socket: Socket, piece: string, times: number): (() => number) => {
  let left = times;
  const timer = setInterval(() => {
    if (left-- > 0 && socket.writable) socket.write(piece);
    else clearInterval(timer);
  }, PERIOD_MS / 5);
  return () => left;
};

describe('the time of a request', () => {
  it('a body that does not come is 408, and the connection ends', async () => {
    const socket = await start();
    socket.write(`${head('/', 10)}half`);
    expect(await socket.answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a body that comes slowly is 408, whatever comes', async () => {
    const socket = await start();
    socket.write(head('/', 40_000));
    drip(socket, 'x'.repeat(1_000), 40);
    expect(await socket.answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('where it may be slow it comes whole, over many periods', async () => {
    const socket = await start();
    socket.write(head('/slow', 40_000));
    drip(socket, 'x'.repeat(2_000), 20);
    expect(await socket.answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*40000$/);
  });

  it('where it may be slow it must come on: bytes one by one are 408', async () => {
    const socket = await start();
    socket.write(head('/slow', 40_000));
    const left = drip(socket, 'x', 200);
    expect(await socket.answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(left()).toBeGreaterThan(100);
  });

  it.each([10, 400_000])(
    'a body of %i bytes that waits for its reader here is no fault of the peer',
    async (length) => {
      const socket = await start();
      socket.write(`${head('/late', length)}${'x'.repeat(length)}`);
      expect(await socket.answer).toMatch(new RegExp(`^HTTP/1.1 200 [\\s\\S]*${length}$`));
    },
  );

  it('chunked bodies have the same time', async () => {
    const socket = await start();
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    expect(await socket.answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});
