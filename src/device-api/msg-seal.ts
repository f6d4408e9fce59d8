import { type JsonObject, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { isMsgData, type Msg, type MsgBody } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';

/** Messages as encrypted text for the store: whole, secrets too, since they are to go on from where they were. */
export interface MsgSeal {
  seal(msg: Msg): string;
  /** Undefined for a text of another key, or a damaged one. */
  open(sealed: string): Msg | undefined;
}

export function createMsgSeal(hash: Pick<KeyedHash, 'seal' | 'open'>): MsgSeal {
  return {
    seal(msg) {
      const { data, text, ...rest } = msg;
      const body = text === undefined ? { data: plainBody(data), secrets: secretKeysOf(data) } : { text };
      // The rest of a message is plain JSON by its type, but for its readonly members.
      return hash.seal(stringifyJson({ ...(rest as unknown as JsonObject), ...body }));
    },
    open(sealed) {
      const opened = hash.open(sealed);
      const read = opened === undefined ? undefined : parsed(opened);
      if (read === undefined) return undefined;
      const { data, secrets = [], text, ...rest } = read as JsonObject;
      const body = typeof text === 'string' ? parsed(text) : wrapped(data ?? null, secrets);
      if (body === undefined) return undefined;
      const envelope = JSON.parse(stringifyJson(rest)) as Omit<Msg, 'data' | 'text'>;
      return typeof text === 'string' ? { ...envelope, data: body, text } : { ...envelope, data: body };
    },
  };
}

function parsed(text: string): JsonValue | undefined {
  const read = parseJson(text, { maxDepth: Number.POSITIVE_INFINITY });
  return read.ok ? read.value : undefined;
}

const secretKeysOf = (data: MsgBody): string[] =>
  isMsgData(data) ? Object.keys(data).filter((key) => data[key] instanceof Secret) : [];

function plainBody(data: MsgBody): JsonValue {
  if (!isMsgData(data)) return data;
  // One of the few readings of a secret: it is encrypted at once.
  const entries = Object.entries(data).map(([key, value]) => [key, value instanceof Secret ? value.reveal() : value]);
  return Object.fromEntries(entries) as JsonObject;
}

function wrapped(data: JsonValue, secrets: JsonValue): MsgBody {
  if (!Array.isArray(secrets) || secrets.length === 0 || !isMsgData(data)) return data;
  const entries = Object.entries(data).map(([key, value]) => [
    key,
    secrets.includes(key) ? new Secret(String(value)) : value,
  ]);
  return Object.fromEntries(entries);
}
