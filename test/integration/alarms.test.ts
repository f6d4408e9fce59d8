import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { eventsOf, eventTypes } from '../helpers/event-chain.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const hot = (limit: number, operator = 'greaterThan') => ({
  all: [{ fact: 'telemetry', path: '$.t', operator, value: limit }],
});
const hotterThanLimit = {
  all: [{ fact: 'telemetry', path: '$.t', operator: 'greaterThan', value: { fact: 'attributes', path: '$.limit' } }],
};
const PROFILE = {
  name: 'smart-meter',
  provision: {
    strategy: 'allow-create-new-devices',
    key: 'smart-meter',
    secret: { env: 'PROVISION_SECRET_SMART_METER' },
  },
  alarms: [
    {
      type: 'Hot',
      create: { MAJOR: { when: hot(50), details: '${t} degrees' }, CRITICAL: { when: hot(90) } },
      clear: { when: hot(40, 'lessThan') },
    },
    { type: 'Long', create: { WARNING: { when: hot(10), for: '2s' } } },
    { type: 'Thrice', create: { MINOR: { when: hot(0), times: 3 } } },
    { type: 'Own', create: { MINOR: { when: hotterThanLimit } } },
  ],
};
const LABELS = ['Alarm Created', 'Alarm Updated', 'Alarm Severity Updated', 'Alarm Cleared'];
const HEARD = ['Alarm Cleared', 'Attributes Updated', 'Attributes Deleted'];
const CHAIN = {
  name: 'main',
  root: true,
  first: 'rules',
  nodes: {
    rules: {
      kind: 'profile/alarm-rules',
      config: { persistAlarmRulesState: true },
      to: { Success: 'by-type', ...Object.fromEntries(LABELS.map((label) => [label, 'keep'])) },
    },
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: {
        'Post telemetry': 'save',
        ...Object.fromEntries(['Alarm Acknowledged', ...HEARD].map((label) => [label, 'keep'])),
      },
    },
    save: { kind: 'action/save-telemetry' },
    keep: { kind: 'flow/dead-letter', config: { reason: 'to be seen' } },
  },
};

async function folders() {
  const path = await mkdtemp(join(tmpdir(), 'gridmoor-alarms-'));
  const [profilesDir, chainsDir] = [join(path, 'profiles'), join(path, 'chains')];
  await Promise.all([mkdir(profilesDir), mkdir(chainsDir)]);
  await writeFile(join(profilesDir, 'smart-meter.json'), JSON.stringify(PROFILE));
  await writeFile(join(chainsDir, 'main.json'), JSON.stringify(CHAIN));
  return { profilesDir, chainsDir, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const send = async (broker: Broker, token: string, t: number): Promise<void> => {
  const init = { method: 'POST', body: JSON.stringify({ t }) };
  expect((await fetch(`${broker.url}/api/v1/${token}/telemetry`, init)).status).toBe(200);
};
const alarms = async (broker: Broker, name: string): Promise<readonly string[]> => {
  const id = await deviceId(broker, name);
  const { data } = await api<{ data: { type: string; severity: string; status: string }[] }>(
    broker,
    `/api/alarm/DEVICE/${id}?pageSize=100&page=0&sortProperty=createdTime&sortOrder=ASC`,
  );
  return data.map(({ type, severity, status }) => `${type} ${severity} ${status}`);
};

it("a profile's alarm rules raise, escalate and clear alarms, and durations end while the device is silent", async () => {
  await using files = await folders();
  await using broker = await startBroker(files);
  const token = await newDevice(broker, 'm1');
  await send(broker, token, 60);
  expect(await alarms(broker, 'm1')).toEqual(['Hot MAJOR ACTIVE_UNACK']);
  const id = await deviceId(broker, 'm1');
  const [hotOne] = (await api<{ data: { id: { id: string }; details: object }[] }>(broker, `/api/alarm/DEVICE/${id}`))
    .data;
  expect(hotOne?.details).toEqual({ data: '60 degrees' });
  await send(broker, token, 95);
  expect(await alarms(broker, 'm1')).toEqual(['Hot CRITICAL ACTIVE_UNACK']);
  await expect.poll(() => alarms(broker, 'm1'), { timeout: 10_000 }).toContain('Long WARNING ACTIVE_UNACK');
  await api(broker, `/api/alarm/${hotOne?.id.id}/ack`, { method: 'POST' });
  await send(broker, token, 30);
  expect((await alarms(broker, 'm1'))[0]).toBe('Hot CRITICAL CLEARED_ACK');
  const heard = await eventTypes(broker, 'm1');
  expect(heard).toContain('ALARM_ACK');
  expect(heard).toContain('ALARM_CLEAR');
  expect(heard.filter((type) => type === 'ALARM').length).toBeGreaterThanOrEqual(4);
});

it('a limit that people change over REST counts from the next sample on, and is told to the chains', async () => {
  await using files = await folders();
  await using broker = await startBroker(files);
  const token = await newDevice(broker, 'm3');
  const url = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'm3')}`;
  await api(broker, `${url}/SERVER_SCOPE`, { method: 'POST', body: { limit: 70 } });
  await send(broker, token, 8);
  expect(await alarms(broker, 'm3')).toEqual([]);
  await api(broker, `${url}/SERVER_SCOPE`, { method: 'POST', body: { limit: 5 } });
  await send(broker, token, 8);
  expect(await alarms(broker, 'm3')).toEqual(['Own MINOR ACTIVE_UNACK']);
  await api(broker, `${url}/SERVER_SCOPE?keys=limit`, { method: 'DELETE' });
  const heard = await eventsOf(broker, 'm3');
  const told = heard.filter(({ msgType }) => msgType.startsWith('ATTRIBUTES_'));
  expect(told.map(({ msgType, data, metadata }) => [msgType, data, metadata.scope])).toEqual([
    ['ATTRIBUTES_UPDATED', { limit: 70 }, 'SERVER_SCOPE'],
    ['ATTRIBUTES_UPDATED', { limit: 5 }, 'SERVER_SCOPE'],
    ['ATTRIBUTES_DELETED', { attributes: ['limit'] }, 'SERVER_SCOPE'],
  ]);
});

it('counts and durations outlive a kill when their node keeps them', async () => {
  await using files = await folders();
  await using broker = await startBroker(files);
  const token = await newDevice(broker, 'm2');
  await send(broker, token, 5);
  await send(broker, token, 15);
  await broker.restart('SIGKILL');
  await expect.poll(() => alarms(broker, 'm2'), { timeout: 10_000 }).toEqual(['Long WARNING ACTIVE_UNACK']);
  await send(broker, token, 1);
  expect(await alarms(broker, 'm2')).toEqual(['Long WARNING ACTIVE_UNACK', 'Thrice MINOR ACTIVE_UNACK']);
  await api(broker, `/api/device/${await deviceId(broker, 'm2')}`, { method: 'DELETE' });
  expect((await api<{ totalElements: number }>(broker, '/api/alarms')).totalElements).toBe(0);
});
