import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { freePort } from './fake-api.ts';

async function check(port: number): Promise<number | null> {
  const child = spawn(process.execPath, ['scripts/healthcheck.js', String(port)], { env: {}, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  return code;
}

/** A server that answers the first bytes with these, and what it was sent. */
async function startServer(answer: readonly number[]) {
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received.push(bytes);
      if (received.length === 1) socket.write(Buffer.from(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())),
  };
}

describe('scripts/healthcheck.js', () => {
  it('sends a valid CONNECT as a provisioning session and is healthy on CONNACK 0', async () => {
    await using server = await startServer([0x20, 2, 0, 0]);
    expect(await check(server.port)).toBe(0);
    const packets: unknown[] = [];
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => packets.push(packet));
    parser.parse(server.received[0] ?? Buffer.alloc(0));
    expect(packets[0]).toMatchObject({ cmd: 'connect', protocolVersion: 4, clean: true, clientId: 'provision' });
  });

  it.each([
    ['a refusal', [0x20, 2, 0, 3]],
    ['something that is no CONNACK', [0x48, 0x54, 0x54, 0x50]],
  ])('is unhealthy on %s', async (_name, answer) => {
    await using server = await startServer(answer);
    expect(await check(server.port)).toBe(1);
  });

  it('is unhealthy when nobody listens', async () => {
    expect(await check(await freePort())).toBe(1);
  });
});
