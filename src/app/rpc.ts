import {
  announceRpcs,
  createCallRoutes,
  createCarriedReplies,
  createRestRequests,
  createRpc,
  createRpcEffects,
  createServerRpc,
  type MessageRunner,
  type RpcOptions,
} from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { Storage } from '../storage/storage.ts';
import type { Cluster } from './cluster.ts';

export interface RpcSettings extends RpcOptions {
  /** A call of a device that no chain answers gets `{"error":"timeout"}` after this, ms. */
  readonly clientTimeoutMs: number;
}

/** Requests over REST that wait for an answer of the chains, each an open connection. */
const MAX_REST_REQUESTS = 1_000;

/** Calls between server and devices, both ways, and requests to the chains over REST. */
export function startRpc(
  options: RpcSettings,
  {
    cluster,
    storage,
    clock,
    log,
    json,
    instanceId,
    run,
    raise,
    runAt,
  }: {
    readonly cluster: Pick<Cluster, 'bus' | 'sessions' | 'instances'>;
    readonly storage: Pick<Storage, 'rpcs' | 'registry'>;
    readonly clock: Clock;
    readonly log: Log;
    readonly json: { readonly maxDepth: number; readonly maxKeys: number };
    /** Chains hear of persistent calls there. */
    readonly run: MessageRunner['run'];
    readonly raise: MessageRunner['raise'];
    readonly runAt: MessageRunner['runAt'];
    readonly instanceId: string;
  },
) {
  const device = (id: DeviceId) => storage.registry.device(id);
  const announced = announceRpcs(storage.rpcs, { device, run, clock, log });
  const routes = createCallRoutes({ ...cluster, registry: cluster.sessions, log });
  const rpc = createRpc({ routes, store: announced.store, clock, log, options, json });
  const { clientTimeoutMs: timeoutMs, maxPerDevice, maxTotal } = options;
  const serverRpc = createServerRpc({ timeoutMs, maxPerDevice, maxTotal });
  const rest = createRestRequests({ raise, runAt, instanceId, clock, maxWaiting: MAX_REST_REQUESTS });
  const replies = createCarriedReplies({ ...cluster, calls: serverRpc, requests: rest, log });
  return {
    rpc,
    serverRpc,
    rest,
    effects: createRpcEffects({ rpc, replies }, json),
    /** Ends what waits, both ways: call it before the fronts close, so that callers still hear. */
    stop(): void {
      announced.stop();
      rpc.stop();
      serverRpc.stop();
      rest.stop();
    },
  };
}
