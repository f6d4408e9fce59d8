import type { DeviceId } from '../model/ids.ts';

/** One run of one instance: a process that starts again is another one. Letters, digits, `.`, `_`, `-`. */
export type RunId = string & { readonly __brand: 'RunId' };

/** Name of a run that begins now. @param random four letters or more, so that two starts in one millisecond differ. */
export const newRunId = (instanceId: string, epoch: number, random: string): RunId =>
  `${instanceId}.${epoch.toString(36)}.${random}` as RunId;

/** A call to a device, on its way to the instance that has the device. */
export interface CarriedCall {
  readonly method: string;
  /** Exact JSON text. */
  readonly params: string;
  readonly oneway: boolean;
  /** Wall time of the sender, ms. */
  readonly expiresAt: number;
  /** What is left of its time, ms, which counts whatever the clock of the receiver says; earlier versions do not send it. */
  readonly leftMs?: number;
}

/** What instances tell each other. Telemetry is never among it. */
export type BusMessage =
  /** Sessions of the device that are older than this claim are to end; `kick-heard` answers at once, `kicked` when they have. */
  | { readonly type: 'kick' | 'kick-heard' | 'kicked'; readonly device: DeviceId; readonly epoch: number }
  /** Shared attributes for the device, as JSON text. */
  | { readonly type: 'push'; readonly device: DeviceId; readonly text: string; readonly deleted?: readonly string[] }
  | {
      readonly type: 'session-end';
      readonly device: DeviceId;
      readonly reason: 'credentials-changed' | 'device-deleted' | 'device-disabled';
    }
  /** `check-state`: whether the device is active is to be looked at anew. */
  | { readonly type: 'credentials-changed' | 'check-state'; readonly device: DeviceId }
  /** Time asks for alarm rules of the device at this node. */
  | { readonly type: 'alarm-due'; readonly device: DeviceId; readonly chain: string; readonly node: string }
  /** An instance has a call for the device and looks for who may deliver it; `rpc-listening` answers. */
  | { readonly type: 'rpc-seek' | 'rpc-listening'; readonly device: DeviceId }
  | { readonly type: 'rpc-call'; readonly id: string; readonly device: DeviceId; readonly call: CarriedCall }
  | { readonly type: 'rpc-outcome'; readonly id: string; readonly kind: string; readonly text?: string }
  /** A device's answer to a call that the sender does not know; `rpc-answered` tells what became of it: stored, unknown, failed. */
  | {
      readonly type: 'rpc-answer';
      readonly id: string;
      readonly device: DeviceId;
      readonly call: number;
      readonly text: string;
      readonly json: boolean;
    }
  | { readonly type: 'rpc-answered'; readonly id: string; readonly kind: string }
  /** What a chain answers to a call of a device, or to a request over REST, that the receiver has taken. */
  | {
      readonly type: 'call-reply';
      readonly device: DeviceId;
      readonly session: string;
      readonly request: string;
      readonly text: string;
    }
  | { readonly type: 'request-reply'; readonly id: string; readonly text: string }
  /** A persistent call was stored, or is not to be delivered any more. */
  | { readonly type: 'rpc-stored'; readonly device: DeviceId }
  | { readonly type: 'rpc-dropped'; readonly device: DeviceId; readonly id: string }
  /** The receiver may look at the chains in force, and at the candidate, anew. */
  | { readonly type: 'chains-changed' }
  /** The sender wants to hear, or hear no more, when something is stored for these. */
  | { readonly type: 'watch' | 'unwatch'; readonly entities: readonly string[] }
  /** Something was stored, or removed, for a watched entity: without a scope its telemetry. */
  | {
      readonly type: 'changed';
      readonly entity: string;
      readonly scope?: string;
      readonly keys: readonly string[];
      readonly removed: boolean;
    }
  /** A packet for app clients, in a form of its own. */
  | { readonly type: 'app-packet'; readonly packet: string }
  /** Such a packet was lost on its way: what is stored for app clients is to be looked for. */
  | { readonly type: 'app-look' }
  /** The receiver is to send its devices to other instances. */
  | { readonly type: 'drain' };

/** When the run began, ms. */
export const epochOf = (run: RunId): number => Number.parseInt(run.split('.').at(-2) ?? '', 36);

/** Which instance runs there. */
export const instanceIdOf = (run: RunId): string => run.split('.').slice(0, -2).join('.');

export type BusListener = (message: BusMessage, from: RunId) => void;

/**
 * Messages between instances. What one sender publishes to one target comes in that order, once, also over a reconnect of
 * the sender or the receiver; only what overflows an inbox is lost, and then `onGap` tells the receiver.
 */
export interface Bus {
  readonly self: RunId;
  /**
   * `all`: every other instance that runs now. Resolves when the receivers will get it; a run that has ended gets nothing, and
   * nobody is told. Rejects with STORE_UNAVAILABLE when the message cannot be handed over in time, and BAD_REQUEST when it is
   * larger than `MAX_BUS_MESSAGE_BYTES`.
   */
  publish(to: RunId | 'all', message: BusMessage): Promise<void>;
  /** Listeners must not throw. Gives what ends it. */
  subscribe(listener: BusListener): () => void;
  /** Messages may have been missed: look at everything anew that they tell of. */
  onGap(listener: () => void): () => void;
  close(): Promise<void>;
}

export const MAX_BUS_MESSAGE_BYTES = 4 * 1024 * 1024;
