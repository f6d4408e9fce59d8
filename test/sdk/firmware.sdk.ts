import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { latest, newDevice } from '../helpers/system.ts';
import { assignFirmware } from './firmware.ts';
import { Sdk } from './sdk.ts';

describe('official Python SDK: firmware', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const assigned = (device: string, version: string, bytes: Buffer, algorithm: string): Promise<void> =>
    assignFirmware(broker, { device, title: 'meter-fw', version, bytes, algorithm });

  it.each([
    ['SHA256', 0, 30_000],
    ['SHA256', 1_000, 10_500],
    ['MD5', 20_000, 100_000],
    ['SHA384', 4_096, 8_192],
    ['SHA512', 4_096, 8_193],
    ['CRC32', 4_096, 5_000],
    ['MURMUR3_32', 4_096, 5_000],
    ['MURMUR3_128', 4_096, 5_000],
  ])('79: downloads, verifies (%s, chunks of %i) and reports', async (algorithm, chunkSize, size) => {
    await using sdk = Sdk.start();
    const name = `sdk-fw-${algorithm}-${chunkSize}`.toLowerCase();
    const token = await newDevice(broker, name);
    const bytes = randomBytes(size);
    await assigned(name, `${algorithm}.${chunkSize}`, bytes, algorithm);
    await sdk.call('connect', { host: '127.0.0.1', port: broker.ports.mqtt, token, chunk_size: chunkSize });
    await sdk.call('firmware');
    expect(await sdk.event('firmware')).toEqual({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size,
      version: `${algorithm}.${chunkSize}`,
    });
    await expect.poll(async () => (await latest(broker, name)).fw_state, { timeout: 10_000 }).toBe('VERIFIED');
    await expect
      .poll(async () => (await latest(broker, name)).current_fw_version, { timeout: 10_000 })
      .toBe(`${algorithm}.${chunkSize}`);
  });

  it('79: hears of a package that is assigned while it is connected', async () => {
    await using sdk = Sdk.start();
    const name = 'sdk-fw-live';
    const token = await newDevice(broker, name);
    await sdk.call('connect', { host: '127.0.0.1', port: broker.ports.mqtt, token, chunk_size: 4_096 });
    const bytes = randomBytes(9_000);
    await assigned(name, 'live', bytes, 'SHA256');
    expect(await sdk.event('firmware')).toMatchObject({ size: 9_000, version: 'live' });
  });
});
