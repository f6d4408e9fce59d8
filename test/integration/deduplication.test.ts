import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { tempFolder } from '../helpers/chain-kit.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const chain = {
  name: 'main',
  root: true,
  first: 'telemetry',
  nodes: {
    telemetry: {
      kind: 'filter/msg-type',
      config: { messageTypes: ['POST_TELEMETRY_REQUEST'] },
      to: { True: 'last' },
    },
    last: { kind: 'transform/deduplication', config: { interval: 5, strategy: 'LAST' }, to: { Success: 'save' } },
    save: { kind: 'action/save-telemetry' },
  },
};

it('of the messages of one window the last one goes on, once, also when the broker is killed meanwhile', async () => {
  await using folder = await tempFolder({ 'main.json': JSON.stringify(chain) });
  await using broker = await startBroker({ chainsDir: folder.path });
  const token = await newDevice(broker, 'meter-1');
  for (let n = 1; n <= 5; n++) {
    const body = JSON.stringify({ ts: n, values: { n } });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
  }
  await broker.restart('SIGKILL');
  const id = await deviceId(broker, 'meter-1');
  const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=n&startTs=0&endTs=100`;
  await expect.poll(() => api(broker, path), { timeout: 30_000 }).toEqual({ n: [{ ts: 5, value: '5' }] });
});
