import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonObject, type JsonValue, parseJson } from '../model/json.ts';
import type { PersistentRpc, RpcState } from '../model/rpc.ts';
import type { Log } from '../observe/index.ts';
import type { RpcStore } from '../storage/rpc-store.ts';
import type { MessageRunner } from './message-runner.ts';

/** What the store took was within limits before. */
const JSON_LIMITS = { maxDepth: 1_000, maxKeys: 1_000_000 } as const;

/** A persistent call as ThingsBoard shows it, over REST and in messages for the chains. */
export function describeRpc(rpc: PersistentRpc, status: RpcState | 'DELETED' = rpc.state) {
  const { id, deviceId, createdAt, expiresAt, oneway, method, params, maxRetries } = rpc;
  const device = { entityType: 'DEVICE', id: deviceId };
  const additionalInfo = jsonOf(rpc.additionalInfo);
  return {
    id: { entityType: 'RPC', id },
    createdTime: createdAt,
    deviceId: device,
    expirationTime: expiresAt,
    request: {
      id,
      deviceId: device,
      oneway,
      expirationTime: expiresAt,
      body: { method, params },
      persisted: true,
      retries: maxRetries ?? null,
      additionalInfo,
    },
    response: jsonOf(rpc.response),
    status,
    additionalInfo,
  } satisfies JsonObject;
}

export interface RpcEventsParts {
  readonly device: (id: DeviceId) => Promise<Device | undefined>;
  readonly run: MessageRunner['run'];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The store, with a message for the chains for each state that a persistent call was stored in: RPC_QUEUED, RPC_SENT and so
 * on, RPC_DELETED when it is removed. Nobody waits for the messages: what a full queue refuses is lost. `stop` ends them.
 */
export function announceRpcs(store: RpcStore, parts: RpcEventsParts): { readonly store: RpcStore; stop(): void } {
  const { clock, log } = parts;
  let stopped = false;

  const tell = async (rpc: PersistentRpc, status: RpcState | 'DELETED'): Promise<void> => {
    const device = await parts.device(rpc.deviceId);
    if (!device || stopped) return;
    const metadata = { deviceName: device.name, deviceType: device.profile };
    const data = describeRpc(rpc, status);
    const hops = rpc.hops === undefined ? {} : { hops: rpc.hops + 1 };
    parts.run({ device, type: `RPC_${status}`, ts: clock.now(), data, metadata, ...hops }, () => {});
  };
  const announce = (rpc: PersistentRpc | undefined, status: RpcState | 'DELETED'): void => {
    if (!rpc || stopped) return;
    tell(rpc, status).catch((error: unknown) =>
      log.warn({ event: 'rpc.not-told', device: rpc.deviceId, err: error }, 'chains did not hear of a call'),
    );
  };

  return {
    stop() {
      stopped = true;
    },
    store: {
      get: (id) => store.get(id),
      list: (...query) => store.list(...query),
      undelivered: (...query) => store.undelivered(...query),
      async create(rpc) {
        const result = await store.create(rpc);
        if (result === 'created') announce(rpc, rpc.state);
        return result;
      },
      async update(id, change) {
        // Read before: by the time the change is durable, a later one may be as well.
        const before = await store.get(id);
        const moved = await store.update(id, change);
        if (moved && before) announce({ ...before, ...change }, change.state);
        return moved;
      },
      async remove(id) {
        const before = await store.get(id);
        const removed = await store.remove(id);
        if (removed) announce(before, 'DELETED');
        return removed;
      },
      async sweep(options) {
        const swept = await store.sweep(options);
        for (const { id } of swept.expired) announce(await store.get(id), 'EXPIRED');
        return swept;
      },
    },
  };
}

function jsonOf(given: string | undefined): JsonValue {
  const parsed = given === undefined ? undefined : parseJson(given, JSON_LIMITS);
  return parsed?.ok ? parsed.value : null;
}
