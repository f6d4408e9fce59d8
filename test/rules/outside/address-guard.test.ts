import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createAddressGuard } from '../../../src/rules/outside/index.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('createAddressGuard', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '[::1]',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    'fd00::1',
    'fe80::1',
    'ff02::1',
    '2002:7f00:1::',
  ])('refuses %s', (host) => {
    expect(createAddressGuard([]).refuse(host)).toContain('is not a public address');
  });

  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', 'name.example'])('lets %s through', (host) => {
    expect(createAddressGuard([]).refuse(host)).toBeUndefined();
  });

  it('lets what the operator names through, and nothing beside it', () => {
    const guard = createAddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
    for (const host of ['10.1.2.3', '127.0.0.1', 'fd12::1']) expect(guard.refuse(host)).toBeUndefined();
    for (const host of ['10.2.0.1', '127.0.0.2', 'fc00::1']) expect(guard.refuse(host)).toBeDefined();
  });

  it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/x', 'http://name', 'a/8', ''])('does not take %j', (entry) => {
    expect(() => createAddressGuard([entry])).toThrow(/is no host name, address or network/);
  });

  it('looks at the addresses of a name, not at the name', async () => {
    const looked = (allowed: string[]) =>
      new Promise<string>((resolve) => {
        createAddressGuard(allowed).lookup('localhost', { family: 4 }, (error, address) =>
          resolve(error ? error.message : String(address)),
        );
      });
    expect(await looked([])).toBe(
      'localhost may not be reached: 127.0.0.1 is not a public address: name it in GRIDMOOR_ALLOWED_HOSTS if nodes may reach it',
    );
    expect(await looked(['LOCALHOST'])).toBe('127.0.0.1');
    expect(await looked(['127.0.0.0/8'])).toBe('127.0.0.1');
  });

  it('holds for a connection of the HTTP client', async () => {
    const { Agent, request } = await import('undici');
    const server = createServer((_, answer) => answer.end('reached')).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const call = async (allowed: string[]) => {
      const dispatcher = new Agent({ connect: { lookup: createAddressGuard(allowed).lookup } });
      try {
        return await (await request(`http://localhost:${port}/`, { dispatcher })).body.text();
      } catch (error) {
        return String(error);
      } finally {
        await dispatcher.destroy();
      }
    };
    expect(await call([])).toContain('localhost may not be reached');
    expect(await call(['localhost'])).toBe('reached');
  });
});
