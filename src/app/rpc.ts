import {
  announceRpcs,
  createCallRoutes,
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

/** Calls between server and devices, both ways. */
export function startRpc(
  options: RpcSettings,
  {
    cluster,
    storage,
    clock,
    log,
    json,
    run,
  }: {
    readonly cluster: Pick<Cluster, 'bus' | 'sessions'>;
    readonly storage: Pick<Storage, 'rpcs' | 'registry'>;
    readonly clock: Clock;
    readonly log: Log;
    readonly json: { readonly maxDepth: number; readonly maxKeys: number };
    /** Chains hear of persistent calls there. */
    readonly run: MessageRunner['run'];
  },
) {
  const device = (id: DeviceId) => storage.registry.device(id);
  const announced = announceRpcs(storage.rpcs, { device, run, clock, log });
  const routes = createCallRoutes({ bus: cluster.bus, registry: cluster.sessions, log });
  const rpc = createRpc({ routes, store: announced.store, clock, log, options, json });
  const { clientTimeoutMs: timeoutMs, maxPerDevice, maxTotal } = options;
  const serverRpc = createServerRpc({ timeoutMs, maxPerDevice, maxTotal });
  return {
    rpc,
    serverRpc,
    effects: createRpcEffects(rpc, serverRpc, json),
    /** Ends what waits, both ways: call it before the fronts close, so that callers still hear. */
    stop(): void {
      announced.stop();
      rpc.stop();
      serverRpc.stop();
    },
  };
}
