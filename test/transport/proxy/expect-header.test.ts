import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseNetworks } from '../../../src/model/network.ts';
import { createLog } from '../../../src/observe/index.ts';
import { expectProxyHeader } from '../../../src/transport/proxy/expect-header.ts';

const HEADER = 'PROXY TCP4 192.0.2.10 198.51.100.20 55555 1883\r\n';
const log = createLog({ level: 'silent' });

/** A server that says from whom each connection came and echoes what it sends. */
async function echoServer(headerTimeoutMs = 5_000) {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`${socket.remoteAddress}|`);
    socket.on('data', (chunk) => socket.write(chunk));
  });
  const off = expectProxyHeader(server, { trusted: parseNetworks('127.0.0.1').list, headerTimeoutMs }, log);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    off,
    server,
    async [Symbol.asyncDispose]() {
      off();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

interface Peer {
  readonly socket: Socket;
  text(): string;
  until(wanted: string): Promise<void>;
  readonly closed: Promise<unknown>;
}

async function peer(port: number, localAddress = '127.0.0.1'): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise((done) => socket.once('close', done));
  await once(socket, 'connect');
  return {
    socket,
    text: () => text,
    async until(wanted) {
      while (text !== wanted) {
        if (socket.destroyed) throw new Error(`closed with ${JSON.stringify(text)}`);
        await Promise.race([once(socket, 'data'), closed]);
      }
    },
    closed,
  };
}

describe('PROXY header of a trusted load balancer', () => {
  it('gives the connection its address, and nothing of it is read as data', async () => {
    await using server = await echoServer();
    const one = await peer(server.port);
    one.socket.write(`${HEADER}hello`);
    await one.until('192.0.2.10|hello');
    one.socket.write(' again');
    await one.until('192.0.2.10|hello again');
    one.socket.destroy();
  });

  it('may come byte by byte', async () => {
    await using server = await echoServer();
    const one = await peer(server.port);
    for (const byte of HEADER) {
      one.socket.write(byte);
      await new Promise((done) => setImmediate(done));
    }
    await one.until('192.0.2.10|');
    one.socket.write('hello');
    await one.until('192.0.2.10|hello');
    one.socket.destroy();
  });

  it('that says UNKNOWN leaves the address of the load balancer', async () => {
    await using server = await echoServer();
    const one = await peer(server.port);
    one.socket.write('PROXY UNKNOWN\r\n');
    await one.until('127.0.0.1|');
    one.socket.destroy();
  });

  it('that is malformed, missing or late ends the connection unanswered', async () => {
    await using server = await echoServer(100);
    for (const bytes of ['PROXY TCP4 nowhere\r\n', 'hello, no header', 'PROXY TCP4 192.0.2.10 ', '']) {
      const one = await peer(server.port);
      one.socket.write(bytes);
      await one.closed;
      expect(one.text()).toBe('');
    }
  });

  it('of anybody else is data like any other, under the own address', async () => {
    await using server = await echoServer();
    const one = await peer(server.port, '127.0.0.2');
    one.socket.write(HEADER);
    await one.until(`127.0.0.2|${HEADER}`);
    one.socket.destroy();
  });

  it('a server that closes does not wait for headers that do not come', async () => {
    const server = await echoServer(60_000);
    const one = await peer(server.port);
    one.socket.write('PROXY TCP4');
    await new Promise<void>((done) => server.server.getConnections(() => done()));
    await server[Symbol.asyncDispose]();
    await one.closed;
  });
});
