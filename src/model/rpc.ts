import type { DeviceId } from './ids.ts';
import { newUuid, parseUuid } from './ids.ts';

export type RpcId = string & { readonly __brand: 'RpcId' };

export const newRpcId = (nowMs: number): RpcId => newUuid(nowMs) as RpcId;
export const parseRpcId = (text: string): RpcId | undefined => parseUuid(text) as RpcId | undefined;

/**
 * States of a persistent call (thingsboard-device-api 3.7). DELIVERED is the end of a one-way call; TIMEOUT: not acknowledged,
 * tried again; SUCCESSFUL, EXPIRED and FAILED are final.
 */
export const RPC_STATES = ['QUEUED', 'SENT', 'DELIVERED', 'SUCCESSFUL', 'TIMEOUT', 'EXPIRED', 'FAILED'] as const;
export type RpcState = (typeof RPC_STATES)[number];

/** When the next call of a device may leave: at once, after the acknowledgement of the one before, after its response. */
export const RPC_STRATEGIES = ['BURST', 'SEQUENTIAL_ON_ACK_FROM_DEVICE', 'SEQUENTIAL_ON_RESPONSE_FROM_DEVICE'] as const;
export type RpcStrategy = (typeof RPC_STRATEGIES)[number];

/** A call that outlives the process. */
export interface PersistentRpc {
  readonly id: RpcId;
  readonly deviceId: DeviceId;
  readonly createdAt: number;
  /** Wall time, ms: not finished by then = EXPIRED. */
  readonly expiresAt: number;
  readonly oneway: boolean;
  readonly method: string;
  /** Exact JSON text. */
  readonly params: string;
  readonly state: RpcState;
  /** Deliveries that were not acknowledged so far. */
  readonly retries: number;
  readonly maxRetries?: number;
  /** Exact JSON text of what the device answered, or of why it failed. */
  readonly response?: string;
  /** JSON text that the caller gave along. */
  readonly additionalInfo?: string;
  /** Of the message whose chain made the call: see `Msg`. */
  readonly hops?: number;
}

/** Whether nothing more can happen to the call. */
export const isFinished = ({ state, oneway }: Pick<PersistentRpc, 'state' | 'oneway'>): boolean =>
  state === 'SUCCESSFUL' || state === 'EXPIRED' || state === 'FAILED' || (oneway && state === 'DELIVERED');
