import type { DeviceId } from '../model/ids.ts';

export interface ServerRpcOptions {
  /** A call that nothing has answered by then is answered with `{"error":"timeout"}`, ms. */
  readonly timeoutMs: number;
  /** Calls that may wait: of one device, and in all. */
  readonly maxPerDevice: number;
  readonly maxTotal: number;
}

export interface OpenCall {
  readonly device: DeviceId;
  /** Of the session, unique in this process. */
  readonly sessionId: string;
  /** The device's own number, decimal text. */
  readonly requestId: string;
  /** Hears once: JSON text. */
  readonly answer: (text: string) => void;
}

/** Calls of devices to the server that wait for their answer (thingsboard-device-api 3.8). */
export interface ServerRpc {
  /** A call that waits under the same session and number gives way, unanswered. Undefined = too many wait. */
  open(call: OpenCall): { readonly cancel: () => void } | undefined;
  /** False when nobody waits for it: another device's, answered already, or too late. */
  reply(device: DeviceId, call: { readonly sessionId: string; readonly requestId: string }, text: string): boolean;
  readonly waiting: number;
  /** Answers all that wait as if their time were over. */
  stop(): void;
}

export const TIMED_OUT = '{"error":"timeout"}';

interface Waiting {
  readonly call: OpenCall;
  readonly timer: NodeJS.Timeout;
}

export function createServerRpc(options: ServerRpcOptions): ServerRpc {
  const waiting = new Map<string, Waiting>();
  const perDevice = new Map<DeviceId, number>();
  const keyOf = (call: { readonly sessionId: string; readonly requestId: string }): string =>
    `${call.sessionId}/${call.requestId}`;

  const take = (key: string): Waiting | undefined => {
    const found = waiting.get(key);
    if (!found) return undefined;
    clearTimeout(found.timer);
    waiting.delete(key);
    const { device } = found.call;
    const left = (perDevice.get(device) ?? 1) - 1;
    if (left === 0) perDevice.delete(device);
    else perDevice.set(device, left);
    return found;
  };

  return {
    open(call) {
      const key = keyOf(call);
      take(key);
      const mine = perDevice.get(call.device) ?? 0;
      if (mine >= options.maxPerDevice || waiting.size >= options.maxTotal) return undefined;
      const timer = setTimeout(() => take(key)?.call.answer(TIMED_OUT), options.timeoutMs);
      timer.unref();
      const entry = { call, timer };
      waiting.set(key, entry);
      perDevice.set(call.device, mine + 1);
      return {
        cancel() {
          if (waiting.get(key) === entry) take(key);
        },
      };
    },

    reply(device, call, text) {
      const key = keyOf(call);
      if (waiting.get(key)?.call.device !== device) return false;
      take(key)?.call.answer(text);
      return true;
    },

    get waiting() {
      return waiting.size;
    },

    stop() {
      for (const key of [...waiting.keys()]) take(key)?.call.answer(TIMED_OUT);
    },
  };
}
