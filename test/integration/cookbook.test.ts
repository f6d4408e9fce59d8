import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';

const SUPPLY_POINTS = ['ES1234123456789012JY', 'ES0021000000000001RK', 'ES0021000012345678LB'];
const READINGS = 100;
const STEP_WH = 7;

/** The shipped chains with the recipe behind them. */
function behindOnboarding(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-recipe-'));
  cpSync('rule-chains', folder, { recursive: true });
  rmSync(join(folder, 'onboarding.test.json'));
  const recipe = readFileSync('docs/cookbook/supplier-energy/chain.json', 'utf8');
  writeFileSync(join(folder, 'recipe.json'), recipe.replace('"root": true', '"root": false'));
  const file = join(folder, 'onboarding.json');
  const chain = JSON.parse(readFileSync(file, 'utf8')) as { nodes: Record<string, object> };
  chain.nodes['save-series'] = { kind: 'flow/chain', config: { chain: 'supplier-energy' } };
  writeFileSync(file, JSON.stringify(chain));
  return folder;
}

it('supplier-energy: meters that send at once lose nothing of the total', async () => {
  const chainsDir = behindOnboarding();
  await using broker = await startBroker({ chainsDir });
  const supplier = await api<{ id: string; secretKey: string }>(broker, '/api/gridmoor/suppliers', {
    method: 'POST',
    body: { name: 'Sol y Viento' },
  });
  const clients = await Promise.all(
    SUPPLY_POINTS.map(async (CUPS, index) => {
      const userName = await newDevice(broker, `meter-${index}`);
      const client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
      const keys = { Power_supplier_secret_key: supplier.secretKey, CUPS };
      await client.publish('v1/devices/me/attributes', JSON.stringify(keys));
      return client;
    }),
  );
  await Promise.all(
    clients.map(async (client) => {
      await using _ = client;
      for (let n = 0; n <= READINGS; n++) {
        client.send({
          cmd: 'publish',
          topic: 'v1/devices/me/telemetry',
          payload: JSON.stringify({ importWh: n * STEP_WH }),
          qos: 1,
          dup: false,
          retain: false,
          messageId: 1_000 + n,
        });
      }
      for (let n = 0; n <= READINGS; n++) await client.next('puback');
    }),
  );
  const path = `/api/plugins/telemetry/ASSET/${supplier.id}/values/attributes/SERVER_SCOPE?keys=importWh`;
  const total = async () => (await api<{ value: number }[]>(broker, path))[0]?.value;
  await expect.poll(total, { timeout: 20_000 }).toBe(SUPPLY_POINTS.length * READINGS * STEP_WH);
  expect(await api(broker, '/api/gridmoor/dead-letters')).toMatchObject({ totalElements: 0 });
  rmSync(chainsDir, { recursive: true, force: true });
});
