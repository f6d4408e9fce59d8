import { createRpc, createRpcEffects, createServerRpc, type RpcOptions } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { Storage } from '../storage/storage.ts';

export interface RpcSettings extends RpcOptions {
  /** A call of a device that no chain answers gets `{"error":"timeout"}` after this, ms. */
  readonly clientTimeoutMs: number;
}

/** Calls between server and devices, both ways. */
export function startRpc(
  options: RpcSettings,
  {
    storage,
    clock,
    log,
    json,
  }: {
    readonly storage: Pick<Storage, 'rpcs'>;
    readonly clock: Clock;
    readonly log: Log;
    readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  },
) {
  const rpc = createRpc({ store: storage.rpcs, clock, log, options, json });
  const { clientTimeoutMs: timeoutMs, maxPerDevice, maxTotal } = options;
  const serverRpc = createServerRpc({ timeoutMs, maxPerDevice, maxTotal });
  return {
    rpc,
    serverRpc,
    effects: createRpcEffects(rpc, serverRpc, json),
    /** Ends what waits, both ways: call it before the fronts close, so that callers still hear. */
    stop(): void {
      rpc.stop();
      serverRpc.stop();
    },
  };
}
