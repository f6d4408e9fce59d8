import type { Page, PageQuery } from '../model/entity.ts';
import type { DeviceId } from '../model/ids.ts';
import type { PersistentRpc, RpcId, RpcState } from '../model/rpc.ts';

/**
 * Persistent calls to devices. At most `maxRpcs` of the store's options in all and `maxRpcsPerDevice` of one device are
 * kept: the oldest finished ones go first, and a call that finds only unfinished ones is not taken. Calls go with their device.
 */
export interface RpcStore {
  create(rpc: PersistentRpc): Promise<'created' | 'unknown-device' | 'full'>;
  get(id: RpcId): Promise<PersistentRpc | undefined>;
  /** Newest first. */
  list(deviceId: DeviceId, query: PageQuery & { readonly state?: RpcState }): Promise<Page<PersistentRpc>>;
  /** Calls still to be delivered (QUEUED, SENT, TIMEOUT) and not expired at `now`, in the order they were created. */
  undelivered(
    deviceId: DeviceId,
    options: { readonly now: number; readonly limit: number },
  ): Promise<readonly PersistentRpc[]>;
  /** Moves on an unfinished call; false when it is unknown or finished: a call has one outcome. `at`: now, ms. */
  update(
    id: RpcId,
    change: { readonly state: RpcState; readonly at: number; readonly retries?: number; readonly response?: string },
  ): Promise<boolean>;
  remove(id: RpcId): Promise<boolean>;
  /**
   * Makes unfinished calls whose time is over EXPIRED and gives them, and removes those that finished more than `keepMs`
   * ago; at most `limit` of each, the longest due first. Costs no write when nothing is due.
   */
  sweep(options: { readonly now: number; readonly keepMs: number; readonly limit: number }): Promise<{
    readonly expired: readonly { readonly id: RpcId; readonly deviceId: DeviceId }[];
    readonly removed: number;
  }>;
}
