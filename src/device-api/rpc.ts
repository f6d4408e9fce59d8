import { randomInt } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonLimits, parseJson } from '../model/json.ts';
import { newRpcId, type PersistentRpc, type RpcId } from '../model/rpc.ts';
import type { Log } from '../observe/index.ts';
import type { RpcStore } from '../storage/rpc-store.ts';
import type { CallRoutes } from './call-routes.ts';
import type { DeviceAnswer } from './carried-answers.ts';
import { type Entry, type RpcLink, type RpcOutcome, RpcQueue, type RpcQueueOptions } from './rpc-queue.ts';

/** A call that somebody wants made. */
export interface RpcRequest {
  readonly method: string;
  /** Exact JSON text. */
  readonly params: string;
  readonly oneway: boolean;
  /** ms; at least the configured minimum, which also is what an absent one falls to the default of. */
  readonly timeoutMs?: number;
  /** Wall time, ms; wins over `timeoutMs`. */
  readonly expiresAt?: number;
  /** Of a persistent call. */
  readonly retries?: number;
  readonly additionalInfo?: string;
  readonly hops?: number;
}

export interface RpcOptions extends RpcQueueOptions {
  readonly defaultTimeoutMs: number;
  readonly minTimeoutMs: number;
  /** Calls in memory: of one device, and in all. */
  readonly maxPerDevice: number;
  readonly maxTotal: number;
  /** How long a finished persistent call is kept, ms. */
  readonly keepMs: number;
}

export interface RpcParts {
  readonly routes: CallRoutes;
  readonly store: RpcStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: RpcOptions;
  readonly json: JsonLimits;
}

export type PersistOutcome =
  | { readonly kind: 'queued'; readonly id: RpcId }
  | { readonly kind: 'busy' | 'unknown-device' };

/** Calls of the server to devices (thingsboard-device-api 3.7). */
export interface Rpc {
  /** Resolves with the outcome, at the latest when the time of the call is over. */
  call(device: DeviceId, request: RpcRequest): Promise<RpcOutcome>;
  /** Resolves once the call is stored: it will be delivered when the device comes, also after a restart. */
  persist(device: DeviceId, request: RpcRequest): Promise<PersistOutcome>;
  /**
   * From now on calls of the device go to this link; what waits is handed over soon. Gives what ends it: call it when the
   * connection is gone or the device unsubscribes.
   */
  listen(id: DeviceId, link: RpcLink): () => void;
  /** The device's answer to a call, whichever instance delivered that; unknown and late ones are ignored. Resolves once it is durable. */
  answer(id: DeviceId, callId: number, payload: Uint8Array): Promise<void>;
  /** Forgets a persistent call; one that waits is not delivered any more. */
  remove(id: RpcId): Promise<boolean>;
  /** Expires and purges persistent calls, and tries devices again that took nothing. */
  sweep(): Promise<void>;
  /** Ends every call that waits in memory. */
  stop(): void;
}

const MAX_CALL_MS = 86_400_000;
const SWEEP_MS = 1_000;
const SWEPT_AT_ONCE = 500;
const MAX_ID_COUNTERS = 200_000;
const MAX_ID = 0x7fffffff;

export function createRpc({ routes, store, clock, log, options, json }: RpcParts): Rpc {
  const queues = new Map<DeviceId, RpcQueue>();
  /** The next id of each device: from 0 in each process. */
  const nextIds = new Map<DeviceId, number>();
  const refused = new Set<RpcQueue>();
  let inMemory = 0;
  let stopped = false;
  let sweeping = false;

  const onError = (error: unknown): void => {
    if (!stopped) log.error({ event: 'rpc.store', err: error }, 'the state of a call could not be stored');
  };

  const takeId = (device: DeviceId): number => {
    // With other instances, an answer to one of their calls must not be taken for one of ours.
    const id = nextIds.get(device) ?? (routes.shared ? randomInt(MAX_ID) : 0);
    if (!nextIds.has(device) && nextIds.size >= MAX_ID_COUNTERS) {
      const oldest = nextIds.keys().next();
      if (!oldest.done) nextIds.delete(oldest.value);
    }
    nextIds.set(device, (id + 1) % MAX_ID);
    return id;
  };

  const queueParts = {
    store,
    clock,
    options,
    onError,
    onRefused: (queue: RpcQueue) => void refused.add(queue),
    onLoaded: (device: DeviceId) => tidy(device),
  };

  const queueOf = (device: DeviceId): RpcQueue => {
    const known = queues.get(device);
    if (known) return known;
    const queue = new RpcQueue(device, queueParts, () => takeId(device));
    queues.set(device, queue);
    return queue;
  };

  const tidy = (device: DeviceId): void => {
    const queue = queues.get(device);
    if (!queue?.idle) return;
    queues.delete(device);
    refused.delete(queue);
  };

  const expiryOf = ({ timeoutMs, expiresAt }: RpcRequest): number =>
    expiresAt ?? clock.now() + Math.max(options.minTimeoutMs, timeoutMs ?? options.defaultTimeoutMs);

  const drop = (device: DeviceId, id: RpcId): void => {
    queues.get(device)?.dropStored(id);
    tidy(device);
  };

  const sweep = async (): Promise<void> => {
    if (sweeping || stopped) return;
    sweeping = true;
    try {
      const { expired } = await store.sweep({ now: clock.now(), keepMs: options.keepMs, limit: SWEPT_AT_ONCE });
      for (const { id, deviceId } of expired) {
        drop(deviceId, id);
        routes.dropped(deviceId, id);
      }
    } catch (error) {
      onError(error);
    }
    sweeping = false;
    // Of a copy: one that is refused again is back in the set at once, and waits for the next sweep.
    const again = [...refused];
    refused.clear();
    for (const queue of again) queue.pump();
  };
  const timer = setInterval(() => void sweep(), SWEEP_MS);
  timer.unref();

  const answerHere = async (device: DeviceId, { call, ...answer }: DeviceAnswer): Promise<boolean> => {
    const queue = queues.get(device);
    const taken = (await queue?.answer(call, answer.text, answer.json)) ?? false;
    tidy(device);
    return taken;
  };

  const rpc: Rpc = {
    call(device, request) {
      if (stopped) return Promise.resolve({ kind: 'shutting-down' });
      const queue = queueOf(device);
      if (inMemory >= options.maxTotal || queue.inMemory >= options.maxPerDevice) {
        tidy(device);
        return Promise.resolve({ kind: 'busy' });
      }
      const now = clock.now();
      const expiresAt = expiryOf(request);
      inMemory++;
      return new Promise((resolve) => {
        const settle = (outcome: RpcOutcome): void => {
          clearTimeout(deadline);
          inMemory--;
          resolve(outcome);
          // The queue may be at work on this entry.
          queueMicrotask(() => {
            tidy(device);
            routes.settled(device);
          });
        };
        const { method, params, oneway } = request;
        const rest = { state: 'waiting', everSent: false, retries: 0 } as const;
        const entry: Entry = { at: now, expiresAt, method, params, oneway, settle, ...rest };
        const deadline = setTimeout(
          () => {
            queue.remove(entry);
            settle({ kind: entry.everSent ? 'timeout' : 'no-session' });
            queue.pump();
          },
          Math.min(Math.max(0, expiresAt - now), MAX_CALL_MS),
        );
        queue.add(entry);
        if (entry.state === 'waiting' && !queue.listens) routes.waiting(device);
      });
    },

    async persist(device, request) {
      const now = clock.now();
      const { method, params, oneway, retries, additionalInfo, hops } = request;
      const rpc: PersistentRpc = {
        id: newRpcId(now),
        deviceId: device,
        createdAt: now,
        expiresAt: expiryOf(request),
        method,
        params,
        oneway,
        state: 'QUEUED',
        retries: 0,
        ...(retries === undefined ? {} : { maxRetries: retries }),
        ...(additionalInfo === undefined ? {} : { additionalInfo }),
        ...(hops === undefined ? {} : { hops }),
      };
      const stored = await store.create(rpc);
      if (stored !== 'created') return { kind: stored === 'full' ? 'busy' : stored };
      const queue = queues.get(device);
      if (queue?.listens) queue.addStored(rpc);
      else routes.stored(device);
      return { kind: 'queued', id: rpc.id };
    },

    listen(device, link) {
      if (stopped) return () => {};
      const queue = queueOf(device);
      queue.listen(link);
      routes.listening(device);
      return () => {
        queue.unlisten(link);
        if (!queue.listens && queue.movable.length > 0) routes.waiting(device);
        tidy(device);
      };
    },

    async answer(device, callId, payload) {
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
      const answer = { call: callId, text, json: parseJson(payload, json).ok };
      if (!(await answerHere(device, answer))) await routes.answer(device, answer);
    },

    async remove(id) {
      const rpc = await store.get(id);
      if (!(await store.remove(id))) return false;
      if (rpc) {
        drop(rpc.deviceId, id);
        routes.dropped(rpc.deviceId, id);
      }
      return true;
    },

    sweep,

    stop() {
      stopped = true;
      clearInterval(timer);
      for (const queue of queues.values()) queue.stop();
      queues.clear();
      refused.clear();
    },
  };

  /** Another instance has it from here on; when that one goes away, it waits here again. */
  const giveAway = (device: DeviceId, queue: RpcQueue, entry: Entry, outcome: Promise<RpcOutcome>): void => {
    entry.state = 'carried';
    entry.everSent = true;
    void outcome.then((end) => {
      if (entry.state !== 'carried' || !queue.has(entry)) return;
      if (end.kind === 'shutting-down' && !stopped) {
        entry.state = 'waiting';
        if (queue.listens) queue.pump();
        else routes.waiting(device);
        return;
      }
      queue.remove(entry);
      entry.settle?.(end);
    });
  };

  routes.attach({
    listens: (device) => queues.get(device)?.listens === true,
    waits: (device) => (queues.get(device)?.movable.length ?? 0) > 0,
    take(device, { expiresAt: said, leftMs, method, params, oneway }) {
      const expiresAt = leftMs === undefined ? said : clock.now() + leftMs;
      return rpc.call(device, { expiresAt, method, params, oneway });
    },
    giveAway(device, carry) {
      const queue = queues.get(device);
      if (!queue || queue.listens) return;
      for (const entry of queue.movable) {
        const { method, params, oneway, expiresAt } = entry;
        giveAway(device, queue, entry, carry({ method, params, oneway, expiresAt, leftMs: expiresAt - clock.now() }));
      }
    },
    answer: answerHere,
    reload: (device) => queues.get(device)?.reload(),
    drop,
  });
  return rpc;
}
