import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Secret } from '../../../src/model/secret.ts';
import { openRedisStorage, type RedisConnectionOptions } from '../../../src/storage/redis/index.ts';
import { newDevice } from '../../conformance/storage/harness.ts';
import { startRedis, startRedisCluster, startSentinel, type TestRedis } from '../../helpers/redis.ts';
import { addressesOf } from '../../helpers/redis-store.ts';

const tls = resolve(import.meta.dirname, '../../fixtures/tls');

/** A device that goes in and comes out, with its attributes and a sample. */
async function works(connection: RedisConnectionOptions): Promise<void> {
  const storage = await openRedisStorage({ connection });
  try {
    const entry = newDevice({}, { serverAttributes: { a: 1 } });
    const { id } = entry.device;
    expect(await storage.registry.createDevice(entry)).toEqual({ kind: 'created' });
    await storage.telemetry.save({ entityId: id, ts: 1, values: { b: 2 } });
    expect((await storage.attributes.read(id, 'SERVER_SCOPE')).get('a')?.value).toBe(1);
    expect((await storage.telemetry.latest(id)).get('b')?.value).toBe(2);
    expect(await storage.registry.deleteDevice(id, 1, 'test')).toBe(true);
  } finally {
    await storage.close();
  }
}

/** The master that has the key. */
async function ownerOf(nodes: readonly TestRedis[], key: string): Promise<TestRedis> {
  for (const node of nodes.slice(0, 3)) {
    if (await node.client.exists(key).catch(() => 0)) return node;
  }
  throw new Error(`no node has ${key}`);
}

describe('redis: where it may be', () => {
  it('behind Sentinel; a fail-over ends no call, and what was written before it is there', async () => {
    await using sentinel = await startSentinel();
    const target = {
      kind: 'sentinel',
      sentinels: addressesOf(sentinel.addresses),
      master: sentinel.masterName,
    } as const;
    await works({ target });
    const storage = await openRedisStorage({ connection: { target }, waitMs: 30_000 });
    const before = newDevice();
    await storage.registry.createDevice(before);
    await vi.waitFor(async () => expect(await sentinel.replica.client.exists('{gm}:devices')).toBe(1));
    await sentinel.master.kill();
    const after = newDevice();
    expect(await storage.registry.createDevice(after)).toEqual({ kind: 'created' });
    expect(await storage.registry.device(before.device.id)).toEqual(before.device);
    expect((await sentinel.replica.client.info('replication')).includes('role:master')).toBe(true);
    expect(storage.health().ok).toBe(true);
    await storage.close();
  });

  it('in a Cluster whose nodes have replicas; a fail-over ends no call', async () => {
    await using cluster = await startRedisCluster({ replicas: 1 });
    const target = { kind: 'cluster', nodes: addressesOf(cluster.addresses) } as const;
    // An election that fails is held again by Redis some seconds later.
    const storage = await openRedisStorage({ connection: { target }, waitMs: 60_000 });
    const before = newDevice({}, { serverAttributes: { a: 1 } });
    await storage.registry.createDevice(before);
    const owner = await ownerOf(cluster.nodes, '{gm}:devices');
    await vi.waitFor(async () => {
      const counts = await Promise.all(cluster.nodes.map((node) => node.client.call('dbsize')));
      expect(counts.slice(0, 3)).toEqual(counts.slice(3));
    });
    await owner.kill();
    const after = newDevice();
    expect(await storage.registry.createDevice(after)).toEqual({ kind: 'created' });
    expect(await storage.registry.device(before.device.id)).toEqual(before.device);
    await storage.close();
  }, 90_000);

  it('over TLS, checked against the authority that is given', async () => {
    const cert = join(tls, 'cert.pem');
    const ca = readFileSync(cert);
    await using redis = await startRedis({ tls: { cert, key: join(tls, 'key.pem') } });
    const target = { kind: 'standalone', host: 'localhost', port: redis.port } as const;
    await works({ target, tls: { ca } });
    await expect(openRedisStorage({ connection: { target, tls: {} }, openTimeoutMs: 1_500 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/certificate/),
    });
  });

  it('as a user of its own, who may touch the keys of gridmoor only; a wrong password is named, not shown', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gridmoor-acl-'));
    const acl = join(dir, 'users.acl');
    const rules = '~{*}:* &* +@all -@dangerous -@admin +info';
    writeFileSync(
      acl,
      `user default off\nuser look on >look ~* &* +@all\nuser gridmoor on >planted-password ${rules}\n`,
    );
    await using redis = await startRedis({ args: ['--aclfile', acl], client: { username: 'look', password: 'look' } });
    const target = { kind: 'standalone', host: redis.host, port: redis.port } as const;
    const login = { username: 'gridmoor', password: new Secret('planted-password') };
    await works({ target, ...login });
    const wrong = { ...login, password: new Secret('planted-mistake') };
    const begun = performance.now();
    const refused = openRedisStorage({ connection: { target, ...wrong } });
    const error: unknown = await refused.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/WRONGPASS/) });
    expect(String(error)).not.toContain('planted');
    // At once: the start waits for a Redis that is not there yet, not for another password.
    expect(performance.now() - begun).toBeLessThan(5_000);
    rmSync(dir, { recursive: true });
  });

  it('where nobody is: the start is refused in time, with the reason', async () => {
    const target = { kind: 'standalone', host: '127.0.0.1', port: 1 } as const;
    await expect(openRedisStorage({ connection: { target }, openTimeoutMs: 500 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it('of another layout: the start is refused, and the data stays', async () => {
    await using redis = await startRedis();
    await redis.client.set('{gm}:format', '99');
    const target = { kind: 'standalone', host: redis.host, port: redis.port } as const;
    await expect(openRedisStorage({ connection: { target } })).rejects.toMatchObject({ code: 'STORE_VERSION' });
    expect(await redis.client.get('{gm}:format')).toBe('99');
  });
});
