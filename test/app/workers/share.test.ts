import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { toStartOptions } from '../../../src/app/start-options.ts';
import { shareOf } from '../../../src/app/workers/share.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { Secret } from '../../../src/model/secret.ts';

const key = new Secret('a key of the tests that is long enough');

async function optionsOf(env: Record<string, string>) {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-share-'));
  const loaded = await loadConfig({ env, argv: [], cwd });
  rmSync(cwd, { recursive: true });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  return toStartOptions(loaded.config, { instanceKey: key, adminKey: key }, {});
}

it('workers: what counts for all is divided, and what counts for a device is whole', async () => {
  const options = await optionsOf({
    MQTT_MAX_CONNECTIONS: '9',
    MQTT_IP_LIMITS_ENABLED: 'true',
    MQTT_MAX_WRONG_CREDENTIALS_PER_IP: '8',
    GRIDMOOR_APP_PUBLISH_RATE: '100:1,2000:60',
    GRIDMOOR_INSTANCE_MESSAGES: '3:1',
    GRIDMOOR_DEVICE_MESSAGES: '100:1',
  });
  const share = shareOf(options, 4);
  expect(share.mqtt.maxConnections).toBe(3);
  expect(share.mqtt.addressBlock).toEqual({ ...options.mqtt.addressBlock, maxFailures: 2 });
  expect(share.mqtt.apps.publishRate).toBe('25:1,500:60');
  expect(share.instanceLimits).toEqual({ messages: '1:1', telemetryMessages: '', telemetryDataPoints: '' });
  expect(share.deviceLimits).toEqual(options.deviceLimits);
  expect(share.rpc).toEqual({ ...options.rpc, maxTotal: options.rpc.maxTotal / 4 });
  expect(share.pauses.free).toBe(Math.floor(options.pauses.free / 4));
});

it('workers: no share is nothing', async () => {
  const { mqtt, queue } = shareOf(await optionsOf({ MQTT_MAX_CONNECTIONS: '1' }), 64);
  expect([mqtt.maxConnections, mqtt.apps.publishRate]).toEqual([1, '16:1']);
  expect(queue.maxWaitingTotal).toBeGreaterThan(0);
});

it('workers: one alone has all', async () => {
  const options = await optionsOf({});
  expect(shareOf(options, 1)).toEqual(options);
});
