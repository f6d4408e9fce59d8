import type { Device } from '../model/device.ts';
import type { JsonObject } from '../model/json.ts';
import type { Msg } from '../model/msg.ts';
import { wrapSecrets } from '../rules/index.ts';
import type { SessionMark } from '../storage/session-mark.ts';

export interface NewMessage {
  readonly device: Device;
  readonly type: string;
  readonly ts: number;
  readonly data: JsonObject;
  readonly metadata: Readonly<Record<string, string>>;
  /** Exact JSON text of `data`. */
  readonly text?: string | undefined;
  /** See `Msg`. */
  readonly hops?: number;
  /** The session it came in by. */
  readonly session?: SessionMark | undefined;
  /** Its sender has it still when it is not stored, and sends it again. */
  readonly comesAgain?: true;
}

/** Without the calls it was in and the nodes it has visited. */
export function outsideOfChains({ calls: _, visits: __, ...msg }: Msg): Msg {
  return msg;
}

export function toMsg(message: NewMessage, id: string, secretKeys: ReadonlySet<string>): Msg {
  const { device, type, ts, metadata, text, hops } = message;
  const data = wrapSecrets(message.data, secretKeys);
  const originator = { entityType: 'DEVICE' as const, id: device.id, name: device.name, profile: device.profile };
  const keepText = text !== undefined && data === message.data;
  const msg = keepText
    ? { id, ts, type, originator, metadata, data, text }
    : { id, ts, type, originator, metadata, data };
  return hops === undefined ? msg : { ...msg, hops };
}
