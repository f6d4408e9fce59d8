import { expect, it } from 'vitest';
import type { NewMessage } from '../../src/device-api/new-message.ts';
import { announceRpcs } from '../../src/device-api/rpc-events.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { newRpcId, type PersistentRpc } from '../../src/model/rpc.ts';
import { createLog } from '../../src/observe/index.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

async function setUp({ storage, clock, registry }: Rooms) {
  const made = await registry.create({ name: 'meter', profile: 'p', by: 'test' });
  if (made.kind !== 'created') throw new Error(made.kind);
  const heard: NewMessage[] = [];
  const { store, stop } = announceRpcs(storage.rpcs, {
    device: (id) => storage.registry.device(id),
    run: (message) => void heard.push(message),
    clock,
    log: createLog({ level: 'silent' }),
  });
  const call = (more: Partial<PersistentRpc> = {}): PersistentRpc => ({
    id: newRpcId(clock.now()),
    deviceId: made.device.id,
    createdAt: clock.now(),
    expiresAt: clock.now() + 1_000,
    oneway: false,
    method: 'setGpio',
    params: '{"pin":7}',
    state: 'QUEUED',
    retries: 0,
    ...more,
  });
  const types = () => heard.map(({ type }) => type);
  return { store, stop, call, heard, types, now: () => clock.now() };
}

it('chains hear of each state that was stored, with the call as it then was', async () => {
  await using rooms = await openRooms();
  const { store, call, heard, types, now } = await setUp(rooms);
  const rpc = call();
  await store.create(rpc);
  const first = store.update(rpc.id, { state: 'SENT', at: now() });
  await Promise.all([first, store.update(rpc.id, { state: 'DELIVERED', at: now() })]);
  await store.update(rpc.id, { state: 'SUCCESSFUL', at: now(), response: '{"ok":1.0}' });
  await store.remove(rpc.id);
  await expect.poll(types).toEqual(['RPC_QUEUED', 'RPC_SENT', 'RPC_DELIVERED', 'RPC_SUCCESSFUL', 'RPC_DELETED']);
  expect(heard.map(({ data }) => data.status)).toEqual(types().map((type) => type.slice('RPC_'.length)));
  expect(heard[0]).toMatchObject({
    device: { name: 'meter' },
    metadata: { deviceName: 'meter', deviceType: 'p' },
    data: { id: { entityType: 'RPC', id: rpc.id }, request: { body: { method: 'setGpio', params: '{"pin":7}' } } },
  });
  expect(JSON.stringify(heard[3]?.data.response)).toContain('ok');
});

it('what changed nothing is not told: a call that ended, one that is unknown, one of no device', async () => {
  await using rooms = await openRooms();
  const { store, call, types, now } = await setUp(rooms);
  const rpc = call();
  await store.create(rpc);
  await store.update(rpc.id, { state: 'FAILED', at: now() });
  await store.update(rpc.id, { state: 'SUCCESSFUL', at: now() });
  await store.update(newRpcId(now()), { state: 'SENT', at: now() });
  await store.remove(newRpcId(now()));
  await store.create(call({ deviceId: '00000000-0000-7000-8000-000000000000' as DeviceId }));
  const last = call();
  await store.create(last);
  await expect.poll(types).toEqual(['RPC_QUEUED', 'RPC_FAILED', 'RPC_QUEUED']);
});

it('expired calls are told once, and nothing is told after the stop', async () => {
  await using rooms = await openRooms();
  const { store, stop, call, types, now } = await setUp(rooms);
  await store.create(call({ expiresAt: now() + 1 }));
  for (const at of [now() + 5, now() + 6]) await store.sweep({ now: at, keepMs: 60_000, limit: 10 });
  await expect.poll(types).toEqual(['RPC_QUEUED', 'RPC_EXPIRED']);
  stop();
  await store.create(call());
  await rooms.storage.drain();
  expect(types()).toEqual(['RPC_QUEUED', 'RPC_EXPIRED']);
});

it('events of a call that a chain made count on from its message; others begin anew', async () => {
  await using rooms = await openRooms();
  const { store, call, heard, now } = await setUp(rooms);
  const rpc = call({ hops: 3 });
  await store.create(rpc);
  await expect.poll(() => heard.length).toBe(1);
  await store.update(rpc.id, { state: 'SENT', at: now() });
  await store.create(call());
  await expect.poll(() => heard.length).toBe(3);
  expect(heard.map(({ hops }) => hops)).toEqual([4, 4, undefined]);
});
