import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { eventChain, eventsOf } from '../helpers/event-chain.ts';
import { api, deviceId } from '../helpers/system.ts';

it('devices that people make, and telemetry that they post or delete, are told to the chains', async () => {
  await using chain = await eventChain('Entity Created', 'Timeseries Updated', 'Timeseries Deleted');
  await using broker = await startBroker({ chainsDir: chain.chainsDir });
  await api(broker, '/api/device', { method: 'POST', body: { name: 'm1', type: 'smart-meter' } });
  const id = await deviceId(broker, 'm1');
  const url = `/api/plugins/telemetry/DEVICE/${id}/timeseries`;
  await api(broker, `${url}/ANY`, { method: 'POST', body: { ts: 1_700_000_000_000, values: { power: 230.5 } } });
  await api(broker, `${url}/delete?keys=power&startTs=1700000000000&endTs=1700000000001`, { method: 'DELETE' });
  const events = await eventsOf(broker, 'm1');
  expect(events.map(({ msgType, data }) => [msgType, data])).toEqual([
    ['ENTITY_CREATED', expect.objectContaining({ id: { entityType: 'DEVICE', id }, name: 'm1', type: 'smart-meter' })],
    ['TIMESERIES_UPDATED', { timeseries: [{ ts: 1_700_000_000_000, values: { power: 230.5 } }] }],
    ['TIMESERIES_DELETED', { timeseries: ['power'], startTs: 1_700_000_000_000, endTs: 1_700_000_000_001 }],
  ]);
});
